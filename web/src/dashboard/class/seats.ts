// The class: a seat for each participant, whatever connections it has had. Pure: the store's state in, what the tiles say out.

import type { ConnectionSnapshot, HandoverReport, Verdict } from '../../protocol/messages.gen.ts';
import type { Connection, State } from '../store.ts';
import { parseTime } from '../time.ts';

export interface Seat {
  participant: string;
  /** The newest of the participant's connections: open, unless there is none. */
  connection: Connection;
  presence: Presence;
}

/** `away`: its connection ended, and the server waits for another one. */
export type Presence = 'here' | 'away' | 'dropped';

/** The server waits 30 s for a participant, and then says that it is dropped. */
const awayMs = 33_000;
/** For so long it is shown who was dropped. */
const droppedMs = 90_000;

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** The seats by room and name: the order depends on nothing that happens to a connection, so no tile jumps. */
export function seatsOf(state: State, now: number): Seat[] {
  const newest = new Map<string, Connection>();
  for (const connection of state.connections.values()) {
    const who = connection.snapshot.participant;
    if (!who) continue;
    const other = newest.get(who);
    if (!other || isNewer(connection, other)) newest.set(who, connection);
  }
  const seats: Seat[] = [];
  const here = new Set<string>();
  for (const [participant, connection] of newest) {
    const presence = presenceOf(connection, now);
    if (presence === null) continue;
    if (presence === 'here') here.add(nameKey(connection));
    seats.push({ participant, connection, presence });
  }
  return (
    seats
      // Who has joined again under the same name is not missed any more.
      .filter((s) => s.presence === 'here' || !here.has(nameKey(s.connection)))
      .sort((a, b) => {
        const [x, y] = [a.connection.snapshot, b.connection.snapshot];
        return (
          names.compare(x.room ?? '', y.room ?? '') ||
          names.compare(x.name ?? '', y.name ?? '') ||
          a.participant.localeCompare(b.participant)
        );
      })
  );
}

function nameKey({ snapshot }: Connection): string {
  return `${snapshot.room}/${snapshot.name}`;
}

function isNewer(a: Connection, b: Connection): boolean {
  const open = Number(a.snapshot.state === 'open') - Number(b.snapshot.state === 'open');
  return (open || parseTime(a.snapshot.started) - parseTime(b.snapshot.started)) > 0;
}

/** Null for who is gone: it has left, or that it was lost is long ago. */
function presenceOf(connection: Connection, now: number): Presence | null {
  const { snapshot } = connection;
  if (snapshot.state === 'open') return 'here';
  const closed = snapshot.closed ? parseTime(snapshot.closed) : connection.changedAt;
  if (snapshot.verdict === 'dropped') return now - closed < awayMs + droppedMs ? 'dropped' : null;
  return !left(connection) && now - closed < awayMs ? 'away' : null;
}

/** Whether the connection ended because the participant left, or another took it over: then nobody is waited for. */
function left({ events, next }: Connection): boolean {
  return next !== null || events.at(-1)?.reason === 'the participant left';
}

/** The state of the newest path that something happens to. */
export type PathState = 'probing' | 'validated' | 'failed' | 'active' | 'closed';

/** For so long it is shown how a validation ended, on a path that did not become the one in use. */
const endedMs = 3000;

export function pathState(snapshot: ConnectionSnapshot, now: number): PathState {
  if (snapshot.state === 'closed') return 'closed';
  if (snapshot.paths.some((p) => p.state === 'probing')) return 'probing';
  // A standby stays validated for good: what is of interest is that the server has just seen that it works.
  const ended = snapshot.paths.findLast(
    (p) => (p.state === 'validated' || p.state === 'failed') && now - parseTime(p.since) < endedMs,
  );
  return ended ? (ended.state as PathState) : 'active';
}

/** What became of a connection when it last changed. */
export interface Change {
  verdict: Verdict;
  /** When the server switched, took over or gave up, ms. */
  at: number;
  /** Null as long as nobody has said what it was like. */
  report: HandoverReport | null;
  /** The receivers are being asked. */
  pending: boolean;
  /** The longest gap between frames of both directions, ms; NaN if none was measured. */
  gapMs: number;
  frozen: boolean;
}

/** The server's report comes 1.5 to 3.5 s after the change. */
const reportMs = 8000;

export function lastChange({ snapshot, events, changedAt }: Connection, now: number): Change | null {
  if (!snapshot.verdict) return null;
  const moved = events.findLast((e) => e.type === 'path_switched' || e.type === 'session_resumed');
  const at = moved ? parseTime(moved.time) : changedAt;
  const report = snapshot.report;
  // The snapshot keeps the report of the change before until the next one is there.
  if (report && !(moved && parseTime(report.switched) < at)) {
    const measured = [report.down, report.up].filter((d) => d.measured && d.longest_gap_ms > 0);
    return {
      verdict: report.verdict,
      at: parseTime(report.switched),
      report,
      pending: false,
      gapMs: measured.length > 0 ? Math.max(...measured.map((d) => d.longest_gap_ms)) : Number.NaN,
      frozen: measured.some((d) => d.frozen),
    };
  }
  return {
    verdict: snapshot.verdict,
    at,
    report: null,
    pending: now - at < reportMs,
    gapMs: Number.NaN,
    frozen: false,
  };
}

/** Changes that belong together: those that one request caused, or that happened at about the same time. */
export interface Wave {
  at: number; // of the first, ms
  verdicts: Record<Verdict, number>;
  changes: number;
  pending: number; // that are not reported yet
  longestMs: number; // of the gaps of all; NaN if none was measured
  medianMs: number;
}

/** Changes that follow each other sooner than this belong together, up to a limit. */
const togetherMs = 5000;
/** What a request to switch everybody causes within this is its doing: who is not heard of for 30 s is dropped. */
const causedMs = 45_000;

/** The last wave; `since` is when everybody was last told to switch, ms, or NaN. */
export function lastWave(changes: readonly Change[], since: number): Wave | null {
  const sorted = changes.toSorted((a, b) => b.at - a.at);
  const newest = sorted[0];
  if (!newest) return null;
  let own: Change[];
  if (newest.at >= since && newest.at - since < causedMs) own = sorted.filter((c) => c.at >= since);
  else {
    const end = sorted.findIndex(
      (c, i) => i > 0 && ((sorted[i - 1] as Change).at - c.at > togetherMs || newest.at - c.at > causedMs),
    );
    own = end < 0 ? sorted : sorted.slice(0, end);
  }
  const verdicts = { migrated: 0, rebound: 0, resumed: 0, dropped: 0 };
  for (const change of own) verdicts[change.verdict]++;
  const gaps = own
    .map((c) => c.gapMs)
    .filter((ms) => !Number.isNaN(ms))
    .sort((a, b) => a - b);
  return {
    at: own.at(-1)?.at ?? newest.at,
    verdicts,
    changes: own.length,
    pending: own.filter((c) => c.pending).length,
    longestMs: gaps.at(-1) ?? Number.NaN,
    medianMs: median(gaps),
  };
}

function median(sorted: readonly number[]): number {
  if (sorted.length === 0) return Number.NaN;
  const [low, high] = [(sorted.length - 1) >> 1, sorted.length >> 1];
  return ((sorted[low] as number) + (sorted[high] as number)) / 2;
}

/** "28 rebound, 2 resumed, 0 dropped; longest gap 180 ms, median 74 ms": a sentence to say aloud. */
export function waveWords(wave: Wave, ms: (ms: number) => string): string {
  const counts = (['migrated', 'rebound', 'resumed', 'dropped'] as const)
    .filter((v) => v !== 'migrated' || wave.verdicts.migrated > 0)
    .map((v) => `${wave.verdicts[v]} ${v}`)
    .join(', ');
  const gaps = Number.isNaN(wave.longestMs)
    ? ''
    : `; longest gap ${ms(wave.longestMs)}, median ${ms(wave.medianMs)}`;
  return counts + gaps;
}
