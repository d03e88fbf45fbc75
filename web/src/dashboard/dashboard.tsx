// /dashboard: every connection of the server, live.

import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { SwitchStyle } from '../call/types.ts';
import { Icon, Mark } from '../ui/icons.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { recall, remember } from '../ui/storage.ts';
import { ThemeToggle } from '../ui/theme-toggle.tsx';
import { Card, Numbers, sinceText } from './card.tsx';
import { createTimeControl, type TimeControl } from './controller.ts';
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
import { type Links, linkOf, networkTitle, openLinks } from './links.ts';
import { createLive, type Live } from './live.ts';
import { EventLog } from './log.tsx';
import { Qlog } from './qlog.tsx';
import { Recorder } from './recorder.ts';
import { RecordedMark, RecordingTools } from './recordings.tsx';
import { type Feed, openSource, type Source, takeKey } from './sse.ts';
import { type Connection, matches, ordered, type State } from './store.ts';
import { agoText, clockText } from './time.ts';

/** More connections than this are rows instead of cards. */
const mostCards = 6;

interface Parts {
  live: Live;
  source: Source;
  links: Links;
  control: TimeControl;
  /** What this dashboard was told, to be saved; none where it shows a recording. */
  recorder?: Recorder;
}

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
  return <Board {...parts} />;
}

/** The dashboard over whatever feeds it. */
export function Board({ live, source, links, control, recorder }: Parts) {
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
        <Top feed={feed} all={all} emulated={false} now={now} />
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
      <Top feed={feed} all={all} emulated={emulated} now={now} />
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
                  remember('style', value);
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
                <ReportSection {...part} />
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

function Top({
  feed,
  all,
  emulated,
  now,
}: {
  feed: Feed;
  all: readonly Connection[];
  emulated: boolean;
  now: number;
}) {
  const openCount = all.filter((c) => c.snapshot.state === 'open').length;
  return (
    <header class="d-top">
      <a href="/" class="d-brand">
        <Mark size={30} /> <h1>Roamcall</h1>
      </a>
      {feed.state === 'recorded' ? <RecordedMark {...feed} /> : <FeedMark feed={feed} open={openCount} />}
      <span class="d-count">
        <b>{openCount}</b> {openCount === 1 ? 'connection' : 'connections'}
      </span>
      {emulated && (
        <span
          class="chip"
          tabIndex={0}
          data-hint="The lab’s networks are emulated by the server: their delay, loss and rate. QUIC, TLS, WebTransport and the path validation are the browser’s and the server’s real ones."
        >
          emulated networks
        </span>
      )}
      <span class="d-grow" />
      <span class="d-clock d-mono" data-hint="The server’s time, in your time zone.">
        {clockText(now, 0)}
      </span>
      <ThemeToggle />
    </header>
  );
}

/** Nothing heard for this long, although connections are open, is not "live": samples come five times a second. */
const silentMs = 3000;

function FeedMark({ feed, open }: { feed: Exclude<Feed, { state: 'recorded' }>; open: number }) {
  const silent = feed.state === 'live' && open > 0 ? Date.now() - feed.heard : 0;
  const live = feed.state === 'live' && silent < silentMs;
  const text =
    feed.state === 'live'
      ? live
        ? 'live'
        : `silent for ${Math.round(silent / 1000)} s`
      : feed.state === 'reconnecting'
        ? `reconnecting: ${feed.reason}; last heard ${agoText(Date.now() - feed.heard)}`
        : feed.state === 'locked'
          ? 'locked'
          : 'connecting';
  return (
    <span
      class={`d-feed ${live ? 'live' : feed.state === 'live' ? 'silent' : feed.state}`}
      role="status"
      data-testid="feed"
      data-state={feed.state}
    >
      <span class="d-dot" />
      {text}
    </span>
  );
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

const styles: { value: SwitchStyle; label: string; title: string }[] = [
  {
    value: 'hard',
    label: 'Hard',
    title: 'Break before make: the old network is gone when the new one begins',
  },
  { value: 'soft', label: 'Soft', title: 'Make before break: both work for a moment' },
  { value: 'walk', label: 'Walk', title: 'Walk out of range: loss climbs until nothing passes' },
];

function rememberedStyle(): SwitchStyle {
  const style = recall('style');
  return styles.find((s) => s.value === style)?.value ?? 'hard';
}

/** Redraws regularly, for "3 s ago" and the mark of the feed. */
function useTick(ms: number): number {
  const tick = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => tick.value++, ms);
    return () => clearInterval(timer);
  }, []);
  return tick.value;
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
