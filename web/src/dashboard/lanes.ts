// From events to the swim lanes of the timeline: which bars and marks there are and when, nothing yet about pixels.

import type { PathEventData } from '../protocol/messages.gen.ts';
import { freezeAt } from './report-words.ts';
import type { Series } from './series.ts';
import type { Connection } from './store.ts';
import { parseTime } from './time.ts';
import type { Range } from './view.ts';

export type BarState = 'probing' | 'validated' | 'active';

export interface Bar {
  from: number;
  to: number | null; // null: still
  state: BarState;
  failed: boolean; // the validation that it shows failed
}

export interface Mark {
  time: number;
  event: PathEventData;
}

export interface PathLane {
  kind: 'path';
  key: string;
  network: string; // '' if unknown
  remote: string;
  path: number;
  connection: string;
  bars: Bar[];
  marks: Mark[];
}

export interface EventLane {
  kind: 'ids';
  key: string;
  marks: Mark[];
}

/** What somebody marked, as a line over all lanes. */
export interface MomentLane {
  kind: 'moments';
  key: string;
  marks: Mark[];
}

export type Direction = 'down' | 'up';

export interface Gap {
  from: number;
  to: number;
  ms: number;
  normal: number; // the usual longest interval of a sample before it
  frozen: boolean;
}

export interface Concealed {
  from: number;
  to: number;
  ms: number;
}

export interface MediaLane {
  kind: 'media';
  key: string;
  direction: Direction;
  gaps: Gap[];
  concealed: Concealed[];
  measured: boolean; // somebody received video or made up audio in this window
}

/** The lanes that are made of events. */
export type StoryLane = PathLane | EventLane | MomentLane;
export type Lane = StoryLane | MediaLane;

/** Lanes of a participant's connections, oldest first, and of the marks that are about them or about nobody. Lanes do not depend on the window. */
export function lanes(connections: readonly Connection[], marks: readonly PathEventData[] = []): StoryLane[] {
  const paths = connections.flatMap(pathLanes);
  const all = connections.flatMap((c) => c.events);
  const mark = (event: PathEventData): Mark => ({ time: parseTime(event.time), event });
  // Where IDs are issued and retired, and where connections begin and end: what a connection ID's life is bounded by.
  const others = all.filter((e) => e.type.startsWith('connection_') || e.type === 'session_resumed');
  const moments = marks.filter((m) => !m.connection || connections.some((c) => c.id === m.connection));
  const result: StoryLane[] = [];
  if (moments.length > 0) result.push({ kind: 'moments', key: 'moments', marks: moments.map(mark) });
  result.push(...paths);
  if (others.length > 0) result.push({ kind: 'ids', key: 'ids', marks: others.map(mark) });
  return result;
}

function pathLanes(connection: Connection): PathLane[] {
  const lanes = new Map<string, PathLane>();
  const open = new Map<number, { lane: PathLane; bar: Bar }>();

  const lane = (path: number, remote: string, network: string): PathLane => {
    // The same addresses are the same path to people, whatever number it has.
    const key = `${connection.id}/${remote || path}`;
    const known = lanes.get(key);
    if (known) {
      known.path = path;
      known.network ||= network;
      return known;
    }
    const made: PathLane = {
      kind: 'path',
      key,
      network,
      remote,
      path,
      connection: connection.id,
      bars: [],
      marks: [],
    };
    lanes.set(key, made);
    return made;
  };
  const start = (on: PathLane, path: number, state: BarState, time: number) => {
    stop(path, time);
    const bar: Bar = { from: time, to: null, state, failed: false };
    on.bars.push(bar);
    open.set(path, { lane: on, bar });
  };
  const stop = (path: number, time: number) => {
    const running = open.get(path);
    if (!running) return;
    running.bar.to = Math.max(time, running.bar.from);
    open.delete(path);
  };

  for (const event of connection.events) {
    const time = parseTime(event.time);
    if (event.type === 'connection_closed') {
      for (const path of [...open.keys()]) stop(path, time);
      continue;
    }
    if (event.type === 'connection_started') {
      if (event.remote)
        start(lane(event.path, event.remote, event.network ?? ''), event.path, 'active', time);
      continue;
    }
    if (!event.type.startsWith('path_')) continue;
    const on = lane(event.path, event.remote ?? '', event.network ?? '');
    on.marks.push({ time, event });
    const running = open.get(event.path);
    switch (event.type) {
      case 'path_challenge_sent':
        if (!running) start(on, event.path, 'probing', time);
        break;
      case 'path_validated':
        if (running?.bar.state !== 'active') start(on, event.path, 'validated', time);
        break;
      case 'path_validation_failed':
        if (running) running.bar.failed = true;
        stop(event.path, time);
        break;
      case 'path_switched':
        if (event.from) {
          const left = open.get(event.from.path);
          // The history may begin after the path that was left did: then it began before anything that is known.
          if (!left && event.from.remote)
            startUnseen(lane(event.from.path, event.from.remote, event.from.network ?? ''), time);
        }
        for (const [path, { bar }] of [...open])
          if (path !== event.path && bar.state === 'active') stop(path, time);
        start(on, event.path, 'active', time);
        break;
    }
  }

  // What the snapshot knows and the events do not: a dashboard that was opened in the middle.
  const snapshot = connection.snapshot;
  const closed = snapshot.state === 'closed' ? endOf(connection) : null;
  if (closed !== null) for (const path of [...open.keys()]) stop(path, closed);
  for (const path of snapshot.paths) {
    if (path.state === 'retired' || path.state === 'failed' || open.has(path.id)) continue;
    const on = lane(path.id, path.remote, path.network ?? '');
    if (on.bars.length > 0 && snapshot.state === 'closed') continue;
    const state: BarState = path.state === 'probing' || path.state === 'validated' ? path.state : 'active';
    const from = parseTime(path.since);
    on.bars.push({ from, to: closed === null ? null : Math.max(closed, from), state, failed: false });
  }
  return [...lanes.values()];

  function startUnseen(on: PathLane, to: number): void {
    if (on.bars.length > 0) return;
    on.bars.push({ from: parseTime(connection.snapshot.started), to, state: 'active', failed: false });
  }
}

/** When a connection ended; of one that vanished without an event, when it was last heard of. */
function endOf({ snapshot, events, series }: Connection): number {
  if (snapshot.closed) return parseTime(snapshot.closed);
  const times = [parseTime(events.at(-1)?.time ?? ''), series.last('time'), parseTime(snapshot.started)];
  return Math.max(...times.filter(Number.isFinite));
}

/** The path lanes that have something to show in the range, the newest `most` of them, in their order. */
export function visible(all: readonly StoryLane[], range: Range, now: number, most: number): StoryLane[] {
  const shown = all.filter((lane) => {
    if (lane.kind !== 'path') return true;
    if (lane.bars.some((b) => b.from <= range.to && (b.to ?? now) >= range.from)) return true;
    return lane.marks.some((m) => m.time >= range.from && m.time <= range.to);
  });
  const paths = shown.filter((l) => l.kind === 'path');
  const kept = new Set(paths.slice(-most));
  return shown.filter((l) => l.kind !== 'path' || kept.has(l));
}

const enough = 5; // samples
const extra = 10; // ms; an interval within this of the usual one and a half is not worth a mark

/** Rendered frame gaps above normal, freezes and concealed audio in the range, in one direction. */
export function mediaLane(all: readonly Series[], direction: Direction, range: Range): MediaLane {
  const frame = direction === 'down' ? 'frameDown' : 'frameUp';
  const concealedColumn = direction === 'down' ? 'concealedDown' : 'concealedUp';
  const gaps: Gap[] = [];
  const concealed: Concealed[] = [];
  let measured = false;
  for (const series of all) {
    const first = Math.max(0, series.from(range.from) - 1);
    const last = Math.min(series.length - 1, series.from(range.to));
    const normal = usual(series, frame, first);
    for (let i = first; i <= last; i++) {
      const time = series.at('time', i);
      const ms = series.at(frame, i);
      if (ms > 0) {
        measured = true;
        normal.add(ms);
        const threshold = normal.value();
        if (ms > threshold * 1.6 + extra) {
          gaps.push({ from: time - ms, to: time, ms, normal: threshold, frozen: ms >= freezeAt(threshold) });
        }
      }
      const made = series.at(concealedColumn, i);
      if (made > 0) {
        measured = true;
        const before = i > 0 ? series.at('time', i - 1) : time - 200;
        concealed.push({ from: Math.max(before, time - 1000), to: time, ms: made });
      }
    }
  }
  return { kind: 'media', key: `media-${direction}`, direction, gaps: mergeGaps(gaps), concealed, measured };
}

/** One freeze shows in every sample that it lasts through, each time longer: only the longest is the gap. */
function mergeGaps(gaps: Gap[]): Gap[] {
  const merged: Gap[] = [];
  for (const gap of gaps) {
    const before = merged.at(-1);
    if (before && gap.from <= before.from + 5 && gap.ms > before.ms) merged[merged.length - 1] = gap;
    else merged.push(gap);
  }
  return merged;
}

/**
 * The usual longest interval of a sample: the lower quartile of the last 25, which a burst of trouble does not raise. NaN, with which nothing
 * compares, until there are enough to say what is usual.
 */
function usual(series: Series, column: 'frameDown' | 'frameUp', before: number) {
  const recent: number[] = [];
  for (let i = Math.max(0, before - 25); i < before; i++) {
    const ms = series.at(column, i);
    if (ms > 0) recent.push(ms);
  }
  return {
    add(ms: number) {
      recent.push(ms);
      if (recent.length > 25) recent.shift();
    },
    value(): number {
      if (recent.length < enough) return Number.NaN;
      const sorted = recent.toSorted((a, b) => a - b);
      return sorted[Math.floor(sorted.length / 4)] ?? Number.NaN;
    },
  };
}
