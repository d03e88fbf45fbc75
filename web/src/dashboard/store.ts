// The dashboard's memory: a reducer from what the server says (snapshots, events, samples) to what the screens draw. It has no clock and no
// network of its own; sse.ts and the call engine feed it, and tests feed it by hand.

import type { ConnectionSample, ConnectionSnapshot, PathEventData } from '../protocol/messages.gen.ts';
import { project, snapshotOf } from './project.ts';
import { Series } from './series.ts';
import { parseTime } from './time.ts';

/** Bounds of the history, so that a dashboard left open for a week stays small. */
export const maxEvents = 2000; // per connection
export const maxSamples = 2000; // per connection: 400 s at five a second
export const maxClosed = 50; // connections that have ended
export const maxMarks = 500;

/** One connection as the screens see it. Replaced, never changed, except that `series` grows in place. */
export interface Connection {
  readonly id: string;
  readonly snapshot: ConnectionSnapshot;
  readonly events: readonly PathEventData[]; // by id, oldest first
  readonly series: Series;
  readonly sample: ConnectionSample | null; // the newest
  readonly previous: string | null; // the connection that it took over
  readonly next: string | null; // the connection that took it over
  readonly changedAt: number; // ms, server clock: when it last started, changed path or ended
  readonly partial: boolean; // no snapshot has come yet
}

export interface State {
  readonly connections: ReadonlyMap<string, Connection>;
  /** Moments that somebody marked, by id, oldest first. Most are about no connection, so no connection has them among its events. */
  readonly marks: readonly PathEventData[];
  /** This device's clock minus the server's, ms; NaN until something timed has arrived. */
  readonly offset: number;
  /** The event that was taken last, and how many were: IDs begin anew when the server does. */
  readonly newest: PathEventData | null;
  readonly taken: number;
}

export type Action =
  /** All that the server knows: connections that are not in it are gone. */
  | { type: 'list'; snapshots: readonly ConnectionSnapshot[] }
  | { type: 'snapshot'; snapshot: ConnectionSnapshot }
  | { type: 'event'; event: PathEventData }
  /** `received`: Date.now() when they arrived. Samples tell the clocks' difference; events do not, because they may be a replay. */
  | { type: 'samples'; samples: readonly ConnectionSample[]; received?: number };

export const empty: State = { connections: new Map(), marks: [], offset: Number.NaN, newest: null, taken: 0 };

export function reduce(state: State, action: Action): State {
  return reduceAll(state, [action]);
}

/** Several actions at the cost of one copy of the map. */
export function reduceAll(state: State, actions: readonly Action[]): State {
  const connections = new Map(state.connections);
  let { marks, offset, newest, taken } = state;
  for (const action of actions) {
    switch (action.type) {
      case 'list':
        takeList(connections, action.snapshots);
        break;
      case 'snapshot':
        takeSnapshot(connections, action.snapshot);
        break;
      case 'event': {
        const before = marks;
        if (action.event.type === 'moment_marked') marks = insert(marks, action.event, maxMarks);
        if (marks !== before || takeEvent(connections, action.event)) {
          newest = action.event;
          taken++;
        }
        break;
      }
      case 'samples':
        for (const sample of action.samples) takeSample(connections, sample);
        for (const sample of action.samples) offset = clock(offset, sample.time, action.received);
        break;
    }
  }
  forget(connections);
  return { connections, marks, offset, newest, taken };
}

/**
 * The clocks' difference is at most what the fastest message shows; a slow rise follows clocks that drift apart and is too slow to be seen.
 */
function clock(offset: number, sent: string, received: number | undefined): number {
  if (received === undefined) return offset;
  const difference = received - parseTime(sent);
  if (!Number.isFinite(difference)) return offset;
  if (Number.isNaN(offset) || difference < offset) return difference;
  // A jump means that a clock was set.
  return difference - offset > 60_000 ? difference : offset + Math.min(difference - offset, 0.02);
}

function takeList(connections: Map<string, Connection>, snapshots: readonly ConnectionSnapshot[]): void {
  const known = new Set(snapshots.map((s) => s.id));
  for (const [id, connection] of connections) {
    if (known.has(id) || connection.snapshot.state === 'closed') continue;
    connections.set(id, { ...connection, snapshot: { ...connection.snapshot, state: 'closed' } });
  }
  for (const snapshot of snapshots) takeSnapshot(connections, snapshot);
}

function takeSnapshot(connections: Map<string, Connection>, snapshot: ConnectionSnapshot): void {
  const old = connections.get(snapshot.id);
  const complete = {
    ...snapshot,
    // Go writes an empty slice that was never made as null.
    connection_ids: snapshot.connection_ids ?? [],
    paths: snapshot.paths ?? [],
  };
  if (!old) {
    connections.set(snapshot.id, { ...blank(complete), partial: false });
    return;
  }
  // An older snapshot (the list, answered while events were on their way) must not undo what newer events said.
  if (snapshot.last_event < old.snapshot.last_event && !old.partial) return;
  connections.set(snapshot.id, {
    ...old,
    snapshot: complete,
    partial: false,
    changedAt: Math.max(old.changedAt, changeTime(complete)),
  });
}

/** Reports false if the event was known already. */
function takeEvent(connections: Map<string, Connection>, event: PathEventData): boolean {
  if (event.type === 'moment_marked' || event.connection === '') return false;
  const old = connections.get(event.connection) ?? { ...blank(snapshotOf(event)), partial: true };
  const events = insert(old.events, event, maxEvents);
  if (events === old.events) return false;
  const changes =
    event.type === 'path_switched' ||
    event.type === 'session_resumed' ||
    event.type === 'connection_started' ||
    event.type === 'connection_closed';
  connections.set(event.connection, {
    ...old,
    events,
    snapshot: project(old.snapshot, event),
    previous: event.previous || old.previous,
    changedAt: changes ? Math.max(old.changedAt, parseTime(event.time)) : old.changedAt,
  });
  if (event.previous) {
    const before = connections.get(event.previous);
    if (before) connections.set(event.previous, { ...before, next: event.connection });
  }
  return true;
}

function takeSample(connections: Map<string, Connection>, sample: ConnectionSample): void {
  const old = connections.get(sample.connection);
  if (!old) return; // its snapshot is on the way
  old.series.push(sample);
  connections.set(sample.connection, { ...old, sample });
}

/** The list with the event in its place; the same list if it was there, or is too old to be kept. Events nearly always come in order, replays do not. */
function insert(
  events: readonly PathEventData[],
  event: PathEventData,
  most: number,
): readonly PathEventData[] {
  let at = events.length;
  while (at > 0 && (events[at - 1] as PathEventData).id > event.id) at--;
  if (at > 0 && events[at - 1]?.id === event.id) return events;
  const dropped = Math.max(0, events.length + 1 - most);
  if (at < dropped) return events; // older than all that is kept
  const next = events.slice(dropped);
  next.splice(at - dropped, 0, event);
  return next;
}

function blank(snapshot: ConnectionSnapshot): Omit<Connection, 'partial'> {
  return {
    id: snapshot.id,
    snapshot,
    events: [],
    series: new Series(maxSamples),
    sample: null,
    previous: null,
    next: null,
    changedAt: changeTime(snapshot),
  };
}

function changeTime(snapshot: ConnectionSnapshot): number {
  const times = [snapshot.started, snapshot.closed, snapshot.report?.switched];
  for (const path of snapshot.paths) if (path.state === 'active') times.push(path.since);
  return Math.max(
    0,
    ...times
      .filter((t) => t !== undefined)
      .map(parseTime)
      .filter(Number.isFinite),
  );
}

/** Drops the longest-ended connections. */
function forget(connections: Map<string, Connection>): void {
  const closed = [...connections.values()].filter((c) => c.snapshot.state === 'closed');
  if (closed.length <= maxClosed) return;
  closed.sort((a, b) => a.changedAt - b.changedAt);
  for (const connection of closed.slice(0, closed.length - maxClosed)) connections.delete(connection.id);
}

/** Open connections first, then by the last change, newest first; stable for equal times. */
export function ordered(state: State): Connection[] {
  return [...state.connections.values()].sort((a, b) => {
    const closed = Number(a.snapshot.state === 'closed') - Number(b.snapshot.state === 'closed');
    return closed || b.changedAt - a.changedAt || a.id.localeCompare(b.id);
  });
}

/** Does the connection match what was typed into the search field? Every word must be found somewhere. */
export function matches(connection: Connection, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const s = connection.snapshot;
  const text = [
    s.id,
    s.name,
    s.room,
    s.participant,
    s.state,
    s.verdict,
    ...s.paths.filter((p) => p.state === 'active').flatMap((p) => [p.local, p.remote, p.network]),
    ...s.connection_ids.map((c) => c.id),
  ]
    .join(' ')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The connection with those that it took over, oldest first: one participant's story. Bounded, because chains can be long. */
export function lineage(state: State, connection: Connection): Connection[] {
  const chain = [connection];
  let at: Connection | undefined = connection;
  while (at?.previous && chain.length < 4) {
    at = state.connections.get(at.previous);
    if (!at || chain.includes(at)) break;
    chain.unshift(at);
  }
  return chain;
}

/** The path that the server sends on; undefined before the first event. */
export function activePath(snapshot: ConnectionSnapshot): ConnectionSnapshot['paths'][number] | undefined {
  return (
    snapshot.paths.find((p) => p.state === 'active') ??
    (snapshot.state === 'closed' ? snapshot.paths.at(-1) : undefined)
  );
}
