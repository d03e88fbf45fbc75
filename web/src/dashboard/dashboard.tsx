// /dashboard: every connection of the server, live.

import { useSignal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { SwitchStyle } from '../call/types.ts';
import { Icon } from '../ui/icons.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { Card, Numbers, sinceText } from './card.tsx';
import { ClassView } from './class/class.tsx';
import { createTimeControl } from './controller.ts';
import './dashboard.css';
import {
  IDsSection,
  NewsLine,
  PictureSection,
  ReportSection,
  showEvent,
  TimeSection,
  useSpace,
} from './detail.tsx';
import { Hints } from './hint.tsx';
import { KeyPrompt } from './key.tsx';
import { linkOf, networkTitle, openLinks } from './links.ts';
import { createLive } from './live.ts';
import { EventLog } from './log.tsx';
import type { Parts } from './parts.ts';
import { Qlog } from './qlog.tsx';
import { Recorder } from './recorder.ts';
import { RecordingTools } from './recordings.tsx';
import { type Feed, openSource, takeKey } from './sse.ts';
import { type Connection, matches, ordered, type State } from './store.ts';
import { rememberedStyle, rememberStyle, styles } from './switch-styles.ts';
import { Top } from './top.tsx';
import { useTick } from './use-tick.ts';
import { useView } from './views.ts';

/** More connections than this are rows instead of cards. */
const mostCards = 6;

function open(): Required<Parts> {
  const found = takeKey(location.href);
  if (found.key !== null) history.replaceState(history.state, '', found.address);
  const live = createLive();
  const recorder = new Recorder();
  return {
    live,
    recorder,
    source: openSource(recorder.before(live), found.key),
    links: openLinks(),
    control: createTimeControl(live.now),
  };
}

export function Dashboard() {
  const parts = useMemo(open, []);
  const { source, links } = parts;
  useEffect(
    () => () => {
      source.close();
      links.close();
    },
    [],
  );
  const { view, choose } = useView();
  const views = (
    <Segmented
      label="View"
      class="d-views"
      value={view}
      segments={[
        { value: 'connections', label: 'Connections', testid: 'view-connections' },
        { value: 'class', label: 'Class', testid: 'view-class' },
      ]}
      onSelect={choose}
    />
  );
  return view === 'class' ? <ClassView {...parts} views={views} /> : <Board {...parts} views={views} />;
}

/** The dashboard over whatever feeds it; `views` leads to others, where there are. */
export function Board({
  live,
  source,
  links,
  control,
  recorder,
  views,
}: Parts & { views?: ComponentChildren }) {
  const state = live.state.value;
  const feed = source.feed.value;
  const list = links.list.value;
  const chosen = useSignal<string | null>(null); // null: follow the newest change
  const search = useSignal('');
  const style = useSignal<SwitchStyle>(rememberedStyle());
  const screen = useScreen();
  const tick = useTick(1000);
  const recorded = feed.state === 'recorded';
  useSpace(control, !recorded);
  const drawn = useRef(new Map<string, { key: unknown[]; node: VNode }>());

  const all = useMemo(() => ordered(state), [state]);
  useEffect(() => {
    const newest = state.newest?.type;
    if (newest === 'path_switched' || newest === 'connection_started') links.refresh();
  }, [state.taken]);

  const shown = search.value ? all.filter((c) => matches(c, search.value)) : all;
  const running = shown.filter((c) => c.snapshot.state === 'open');
  const ended = shown.filter((c) => c.snapshot.state !== 'open');
  const selected = pick(state, all, chosen.value);
  const link = selected && linkOf(list, selected.snapshot);
  const now = live.now();
  const emulated = list.some((l) => l.emulated) || (recorded && all.some((c) => c.snapshot.link));
  const title = (network: string) => networkTitle(network, link ?? list[0]);
  const compact = running.length > mostCards || screen.narrow;

  if (feed.state === 'locked') {
    return (
      <main class="d-board d-locked">
        <Top feed={feed} all={all} emulated={false} now={now} views={views} />
        <KeyPrompt wrong={feed.wrong} onKey={source.unlock} />
      </main>
    );
  }
  const card = (c: Connection) => {
    const link = linkOf(list, c.snapshot);
    // With many connections their numbers are drawn once a second, so that an event never waits for a hundred rows.
    const key = [
      c.snapshot,
      c.next,
      compact ? tick : c.sample,
      tick,
      link,
      c === selected,
      compact,
      style.value,
    ];
    const known = drawn.current.get(c.id);
    if (known?.key.every((k, i) => k === key[i])) return known.node;
    const node = (
      <Card
        key={c.id}
        connection={c}
        link={link}
        selected={c === selected}
        compact={compact}
        now={now}
        style={style.value}
        onSelect={(id) => (chosen.value = id)}
        onSwitch={links.switch}
      />
    );
    if (drawn.current.size > 2 * all.length) drawn.current.clear(); // of connections that are forgotten
    drawn.current.set(c.id, { key, node });
    return node;
  };
  const part = selected && { state, connection: selected, link, control, now: live.now };
  return (
    <main class="d-board" data-tick={tick}>
      <Top feed={feed} all={all} emulated={emulated} now={now} views={views} />
      <div class="d-columns">
        <nav class="d-side" aria-label="Connections">
          <div class="d-tools">
            {(all.length > 4 || search.value) && (
              <label class="d-search">
                <Icon name="search" />
                <input
                  type="search"
                  placeholder="Name, room, address, ID"
                  aria-label="Search connections"
                  value={search.value}
                  onInput={(e) => (search.value = e.currentTarget.value)}
                />
              </label>
            )}
            {all.length > 1 && (
              <button
                type="button"
                class="d-follow"
                aria-pressed={chosen.value === null}
                data-hint="Shows whichever connection changed last. Choosing a connection stays with it."
                onClick={() => (chosen.value = chosen.value === null ? (selected?.id ?? null) : null)}
              >
                <span class="d-dot" /> follow the newest change
              </button>
            )}
            {list.length > 0 && (
              <Segmented
                label="How networks are switched"
                value={style.value}
                segments={styles}
                onSelect={(value) => {
                  style.value = value;
                  rememberStyle(value);
                }}
              />
            )}
          </div>
          <div class={`d-cards${compact ? ' compact' : ''}`} data-testid="connections">
            {running.map(card)}
            {ended.length > 0 && (
              <details class="d-ended" open={ended.length < 3}>
                <summary>{ended.length} ended</summary>
                {ended.map(card)}
              </details>
            )}
            {all.length > 0 && shown.length === 0 && (
              <p class="d-muted">No connection matches “{search.value}”.</p>
            )}
          </div>
          {recorder && <RecordingTools recorder={recorder} />}
        </nav>
        {part ? (
          <div class="d-detail">
            <div class="d-grid">
              <div class="d-main">
                <DetailHead connection={part.connection} now={now} numbers={compact} recorded={recorded} />
                <NewsLine {...part} you={part.connection.snapshot.name || 'The participant'} />
                <PictureSection {...part} narrow={screen.narrow} />
                {screen.columns && <IDsSection connection={part.connection} />}
                <TimeSection
                  {...part}
                  narrow={screen.narrow}
                  big={screen.big}
                  charts
                  maxPaths={screen.narrow ? 3 : 5}
                />
              </div>
              <div class="d-aside">
                <ReportSection {...part} printable={!recorded} />
                {!screen.columns && <IDsSection connection={part.connection} />}
                <EventLog
                  state={state}
                  connection={part.connection.id}
                  narrow={screen.narrow}
                  title={title}
                  onShow={(event) => {
                    if (event.connection && event.connection !== part.connection.id)
                      chosen.value = event.connection;
                    showEvent(control, event);
                  }}
                />
              </div>
            </div>
          </div>
        ) : (
          <Nobody feed={feed} />
        )}
      </div>
      <Hints />
    </main>
  );
}

function pick(state: State, all: readonly Connection[], chosen: string | null): Connection | undefined {
  let at = chosen === null ? undefined : state.connections.get(chosen);
  // Whoever watches a participant goes on watching after a resumption.
  for (let i = 0; at?.next && i < 8; i++) at = state.connections.get(at.next) ?? at;
  return at ?? all[0];
}

function DetailHead({
  connection,
  now,
  numbers,
  recorded,
}: {
  connection: Connection;
  now: number;
  numbers: boolean;
  recorded: boolean;
}) {
  const s = connection.snapshot;
  return (
    <header class="d-detail-head">
      <h2>{s.name || 'Not joined yet'}</h2>
      <span class="d-muted">
        {s.room ? `in ${s.room} · ` : ''}
        {s.state === 'open' ? sinceText(connection, now) : 'closed'} · {s.changes}{' '}
        {s.changes === 1 ? 'change' : 'changes'} of path
      </span>
      <span class="d-grow" />
      {numbers && <Numbers connection={connection} />}
      {!recorded && <Qlog connection={connection} />}
    </header>
  );
}

function Nobody({ feed }: { feed: Feed }) {
  return (
    <div class="d-nobody">
      {feed.state === 'connecting' ? (
        <p>Connecting…</p>
      ) : feed.state === 'recorded' ? (
        <h2>Nobody is connected at this moment of the recording</h2>
      ) : (
        <>
          <h2>Nobody is connected</h2>
          <p>
            Open <a href="/">the lobby</a> in another window and join a call: its connection appears here at
            once. Then switch its network and watch. Or look at{' '}
            <a href="/replay/sample">a call that was recorded</a>.
          </p>
        </>
      )}
    </div>
  );
}

/** `columns`: room for the events beside the timeline. The widths are those of dashboard.css. */
function useScreen(): { narrow: boolean; columns: boolean; big: boolean } {
  const width = useSignal(innerWidth);
  useEffect(() => {
    const measure = () => {
      width.value = innerWidth;
    };
    addEventListener('resize', measure);
    return () => removeEventListener('resize', measure);
  }, []);
  return { narrow: width.value < 720, columns: width.value >= 1500, big: width.value >= 1700 };
}
