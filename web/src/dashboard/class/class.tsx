// The class on one screen: what a presenter shows, says and does. Everybody is a tile; one can be shown large.

import { useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { takesText } from '../../call/shortcuts.ts';
import type { SwitchStyle } from '../../call/types.ts';
import { askServer } from '../../server.ts';
import { Button } from '../../ui/button.tsx';
import { toast } from '../../ui/toast.tsx';
import { Hints } from '../hint.tsx';
import { KeyPrompt } from '../key.tsx';
import { linkOf, networkTitle } from '../links.ts';
import type { Parts } from '../parts.ts';
import { activePath } from '../store.ts';
import { rememberedStyle, rememberStyle, styles } from '../switch-styles.ts';
import { Top } from '../top.tsx';
import { useTick } from '../use-tick.ts';
import './class.css';
import { Countdown, type Order } from './countdown.tsx';
import { columnsFor, gap } from './grid.ts';
import { JoinCard, LargeCode } from './join-card.tsx';
import { actionOf } from './keys.ts';
import { MarkDialog } from './mark.tsx';
import { lastChange, lastWave, type Seat, seatsOf } from './seats.ts';
import { Spotlight } from './spotlight.tsx';
import { Summary } from './summary.tsx';
import { SwitchCard, switchAll } from './switch-all.tsx';
import { Tile } from './tile.tsx';

/** A dialog over the view, of which there is one at a time. */
type Open = { what: 'mark' | 'code' } | { what: 'countdown'; order: Order };

export function ClassView({ live, source, links, control, views }: Parts & { views: ComponentChildren }) {
  const state = live.state.value;
  const feed = source.feed.value;
  const list = links.list.value;
  const tick = useTick(1000);
  const now = live.now();
  const spot = useSignal<string | null>(null); // a participant
  const open = useSignal<Open | null>(null);
  const style = useSignal<SwitchStyle>(rememberedStyle());
  const room = useSignal('');
  const wanted = useSignal<string | null>(null); // network
  const asked = useSignal(Number.NaN); // when everybody was last told to switch, on the server's clock
  const drawn = useRef(new Map<string, { key: unknown[]; node: VNode }>());

  useEffect(() => {
    const abort = new AbortController();
    askServer(abort.signal).catch(() => undefined); // the feed's mark says whether there is a server
    return () => abort.abort();
  }, []);
  useEffect(() => {
    const newest = state.newest?.type;
    if (newest === 'path_switched' || newest === 'connection_started') links.refresh();
  }, [state.taken]);

  const seats = useMemo(() => seatsOf(state, live.now()), [state, tick]);
  const rooms = [...new Set(seats.map((s) => s.connection.snapshot.room ?? ''))];
  const here = seats.filter((s) => s.presence === 'here');
  const used = list.filter((l) => l.participant);
  const networks = (used[0] ?? list[0])?.networks ?? [];
  const title = (name: string) => networkTitle(name, used[0] ?? list[0]);
  const networkOf = (seat: Seat) => activePath(seat.connection.snapshot)?.network ?? '';
  const inRoom = room.value !== '' && rooms.includes(room.value) ? room.value : '';
  const linked = here.filter(
    (s) => linkOf(list, s.connection.snapshot) && (inRoom === '' || s.connection.snapshot.room === inRoom),
  );
  const to = networks.find((n) => n.name === wanted.value)?.name ?? other(networks, here.map(networkOf));

  const fail = (error: unknown) =>
    toast(error instanceof Error ? error.message : 'The networks could not be switched.', 'warning', 8000);
  const count = (order: Omit<Order, 'title' | 'how'>) => {
    const how = styles.find((s) => s.value === style.peek())?.title ?? '';
    open.value = { what: 'countdown', order: { ...order, title: title(order.network), how } };
  };
  const countAll = () => {
    if (linked.length === 0) return;
    const who = linked.length === 1 ? linked[0]?.connection.snapshot.name || 'One' : `All ${linked.length}`;
    const [network, how] = [to, style.peek()];
    count({
      who: inRoom ? `${who} in ${inRoom}` : who,
      network,
      run: () => {
        asked.value = live.now();
        switchAll(network, how, inRoom)
          .then((said) => toast(said, 'swap', 8000), fail)
          .finally(links.refresh);
      },
    });
  };
  const countOne = (seat: Seat, network: string) => {
    const link = linkOf(list, seat.connection.snapshot);
    if (!link) return;
    const who = seat.connection.snapshot.name || 'The participant';
    count({ who, network, run: () => void links.switch(link.id, network, style.peek()).catch(fail) });
  };

  const keys = useRef<(event: KeyboardEvent) => void>(() => undefined);
  keys.current = (event) => {
    const busy = open.peek() !== null || takesText(document.activeElement);
    const action = actionOf(event, busy, networks.length);
    if (!action || event.defaultPrevented) return;
    switch (action.do) {
      case 'network':
        wanted.value = networks[action.index]?.name ?? null;
        break;
      case 'switch':
        countAll();
        break;
      case 'mark':
      case 'code':
        open.value = { what: action.do };
        break;
      case 'back':
        spot.value = null;
        return; // Escape may mean something to others, too
    }
    event.preventDefault();
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => keys.current(event);
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);

  const all = [...state.connections.values()];
  const head = <Top feed={feed} all={all} emulated={list.some((l) => l.emulated)} now={now} views={views} />;
  if (feed.state === 'locked') {
    return (
      <main class="d-board d-locked">
        {head}
        <KeyPrompt wrong={feed.wrong} onKey={source.unlock} />
      </main>
    );
  }
  const tile = (seat: Seat) => {
    const network = networkOf(seat);
    const { snapshot, events } = seat.connection;
    // Samples come five times a second for each; what a tile shows changes with events and with time.
    const key = [snapshot, events, seat.presence, network, title(network), rooms.length > 1, tick];
    const known = drawn.current.get(seat.participant);
    if (known?.key.every((k, i) => k === key[i])) return known.node;
    const node = (
      <Tile
        key={seat.participant}
        seat={seat}
        network={network}
        title={title(network)}
        room={rooms.length > 1}
        now={now}
        onOpen={(who) => (spot.value = who)}
      />
    );
    if (drawn.current.size > 2 * seats.length) drawn.current.clear(); // of participants that are gone
    drawn.current.set(seat.participant, { key, node });
    return node;
  };
  const changes = seats.flatMap((s) => lastChange(s.connection, now) ?? []);
  const counted = networks.map((n) => ({
    name: n.name,
    title: n.title || n.name,
    count: here.filter((s) => networkOf(s) === n.name).length,
  }));
  const shown = seats.find((s) => s.participant === spot.value);
  const dialog = open.value;
  const close = () => (open.value = null);
  return (
    <main class="d-board k-board" data-tick={tick}>
      {head}
      <div class={shown ? 'k-columns spot' : 'k-columns'}>
        <div class="k-main">
          {shown ? (
            <Spotlight
              seat={shown}
              state={state}
              connection={shown.connection}
              link={linkOf(list, shown.connection.snapshot)}
              control={control}
              now={live.now}
              narrow={innerWidth < 720}
              onSwitch={(network) => countOne(shown, network)}
              onBack={() => (spot.value = null)}
            />
          ) : (
            <>
              <Summary
                here={here.length}
                rooms={rooms.length}
                networks={counted}
                elsewhere={here.length - counted.reduce((sum, n) => sum + n.count, 0)}
                wave={lastWave(changes, asked.value)}
              />
              <Seats count={seats.length}>{seats.map(tile)}</Seats>
            </>
          )}
          <Keys networks={networks.length} />
        </div>
        {!shown && (
          <aside class="k-side" aria-label="For the presenter">
            <SwitchCard
              networks={networks}
              rooms={rooms}
              network={to}
              style={style.value}
              room={inRoom}
              count={linked.length}
              onNetwork={(name) => (wanted.value = name)}
              onStyle={(value) => {
                style.value = value;
                rememberStyle(value);
              }}
              onRoom={(name) => (room.value = name)}
              onSwitch={countAll}
            />
            <Button
              icon="pin"
              variant="outline"
              data-testid="mark"
              onClick={() => (open.value = { what: 'mark' })}
            >
              Mark a moment <kbd>M</kbd>
            </Button>
            <JoinCard onLarge={() => (open.value = { what: 'code' })} />
            <nav class="k-links" aria-label="Lesson">
              <a href="/lesson">Guided lesson</a>
              <a href="/lesson/compare">Three lanes</a>
              <a href="/lesson/attack">What protects you</a>
              <a href="/replay">Replay</a>
            </nav>
          </aside>
        )}
      </div>
      {dialog?.what === 'countdown' && <Countdown order={dialog.order} onEnd={close} />}
      {dialog?.what === 'mark' && <MarkDialog onClose={close} />}
      {dialog?.what === 'code' && <LargeCode onClose={close} />}
      <Hints />
    </main>
  );
}

/** The first network that most people are not on: where one would switch everybody to. */
function other(networks: readonly { name: string }[], on: readonly string[]): string {
  const most = (name: string) => on.filter((n) => n === name).length > on.length / 2;
  return (networks.find((n) => !most(n.name)) ?? networks[0])?.name ?? '';
}

/** The tiles, in as many columns as make them largest. */
function Seats({ count, children }: { count: number; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const area = useSignal({ width: 1200, height: 800 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      area.value = { width: element.clientWidth, height: element.clientHeight };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <div
      ref={box}
      class="k-seats"
      data-testid="class"
      data-count={count}
      style={{ '--columns': columnsFor(count, area.value), '--gap': `${gap}px` }}
    >
      {children}
      {count === 0 && (
        <p class="k-nobody">Nobody is connected. Whoever scans the code appears here at once.</p>
      )}
    </div>
  );
}

function Keys({ networks }: { networks: number }) {
  return (
    <p class="k-keys">
      {networks > 1 && (
        <span>
          <kbd>1</kbd>–<kbd>{networks}</kbd> network
        </span>
      )}
      <span>
        <kbd>S</kbd> switch all
      </span>
      <span>
        <kbd>M</kbd> mark a moment
      </span>
      <span>
        <kbd>Q</kbd> code to join
      </span>
      <span>
        <kbd>Esc</kbd> back, or call it off
      </span>
    </p>
  );
}
