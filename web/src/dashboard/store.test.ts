import { describe, expect, test } from 'vitest';
import type { PathEventData } from '../protocol/messages.gen.ts';
import { event, handover, iso, origin, report, sample, snapshot } from './fixture.ts';
import { project, snapshotOf } from './project.ts';
import {
  type Action,
  activePath,
  empty,
  lineage,
  matches,
  maxClosed,
  maxEvents,
  maxMarks,
  ordered,
  reduce,
  reduceAll,
  type State,
} from './store.ts';

const events = (list: PathEventData[]): Action[] => list.map((e) => ({ type: 'event', event: e }));
const after = (...actions: Action[]): State => reduceAll(empty, actions);

describe('events and snapshots', () => {
  test('an event changes the picture before its snapshot comes', () => {
    const [challenge, response, validated, switched] = handover(1000) as [
      PathEventData,
      PathEventData,
      PathEventData,
      PathEventData,
    ];
    let state = after({ type: 'snapshot', snapshot: snapshot() }, ...events([challenge]));
    const path = (id: number) => state.connections.get('c1')?.snapshot.paths.find((p) => p.id === id);
    expect(path(1)).toMatchObject({ state: 'probing', challenge: '0123456789abcdef', network: 'cellular' });
    expect(path(0)?.state).toBe('active');
    state = reduceAll(state, events([response, validated]));
    expect(path(1)).toMatchObject({ state: 'validated', response_ms: 31.4 });
    state = reduceAll(state, events([switched]));
    expect(path(1)?.state).toBe('active');
    expect(path(0)?.state).toBe('retired');
    expect(state.connections.get('c1')?.snapshot).toMatchObject({ verdict: 'rebound', changes: 1 });
    expect(activePath(state.connections.get('c1')?.snapshot ?? snapshot())?.remote).toBe('10.2.0.2:6000');
  });

  test('a snapshot replaces what events suggested, unless it is older than they are', () => {
    const list = handover(1000);
    const last = list.at(-1)?.id ?? 0;
    let state = after({ type: 'snapshot', snapshot: snapshot() }, ...events(list));
    state = reduce(state, { type: 'snapshot', snapshot: snapshot({ last_event: last - 2 }) });
    expect(state.connections.get('c1')?.snapshot.verdict).toBe('rebound');
    state = reduce(state, {
      type: 'snapshot',
      snapshot: snapshot({ last_event: last, verdict: 'migrated' }),
    });
    expect(state.connections.get('c1')?.snapshot.verdict).toBe('migrated');
    expect(state.connections.get('c1')?.events).toHaveLength(4);
  });

  test('a replayed history fills the log and does not turn the picture back', () => {
    const list = handover(1000);
    const done = snapshot({ last_event: list.at(-1)?.id ?? 0, verdict: 'rebound', changes: 1 });
    const state = after({ type: 'snapshot', snapshot: done }, ...events(list));
    expect(state.connections.get('c1')?.snapshot).toEqual(done);
    expect(state.connections.get('c1')?.events).toHaveLength(4);
  });

  test('the same event twice is one, and late ones find their place', () => {
    const [a, b, c] = handover(1000) as [PathEventData, PathEventData, PathEventData];
    const state = after(...events([a, c, b, a, c]));
    expect(state.connections.get('c1')?.events.map((e) => e.id)).toEqual([a.id, b.id, c.id]);
    expect(state.taken).toBe(3);
  });

  test('a connection of which only events came is shown, and completed by its snapshot', () => {
    let state = after(...events([event('connection_started', 0, { remote: '10.1.0.2:5000', name: 'Ada' })]));
    expect(state.connections.get('c1')).toMatchObject({
      partial: true,
      snapshot: { name: 'Ada', state: 'open' },
    });
    state = reduce(state, { type: 'snapshot', snapshot: snapshot() });
    expect(state.connections.get('c1')?.partial).toBe(false);
  });

  test('an empty list in Go is null in JSON', () => {
    const bare = { ...snapshot(), paths: null, connection_ids: null } as unknown as ReturnType<
      typeof snapshot
    >;
    expect(after({ type: 'snapshot', snapshot: bare }).connections.get('c1')?.snapshot.paths).toEqual([]);
  });

  test('a connection that the list no longer has is gone', () => {
    const state = after(
      { type: 'snapshot', snapshot: snapshot() },
      { type: 'list', snapshots: [snapshot({ id: 'c2' })] },
    );
    expect(state.connections.get('c1')?.snapshot.state).toBe('closed');
    expect(ordered(state).map((c) => c.id)).toEqual(['c2', 'c1']);
  });
});

test('projecting leaves the path in use in use while it is challenged again', () => {
  const started = project(
    snapshotOf(event('connection_started', 0)),
    event('connection_started', 0, { remote: 'a:1' }),
  );
  const challenged = project(started, event('path_challenge_sent', 10, { remote: 'a:1', challenge: 'ff' }));
  expect(challenged.paths).toMatchObject([{ id: 0, state: 'active', challenge: 'ff' }]);
});

test('projecting follows connection IDs, failures, reports and the end', () => {
  let s = snapshot();
  s = project(
    s,
    event('connection_id_issued', 1, {
      connection_id: { id: 'aa', sequence: 1, issuer: 'server', state: 'issued' },
    }),
  );
  s = project(
    s,
    event('connection_id_retired', 2, {
      connection_id: { id: 'aa', sequence: 1, issuer: 'server', state: 'retired' },
    }),
  );
  expect(s.connection_ids).toEqual([{ id: 'aa', sequence: 1, issuer: 'server', state: 'retired' }]);
  s = project(s, event('path_challenge_sent', 3, { path: 2, remote: 'b:2' }));
  s = project(s, event('path_validation_failed', 4, { path: 2, remote: 'b:2' }));
  expect(s.paths.find((p) => p.id === 2)?.state).toBe('failed');
  s = project(s, event('handover_report', 5, { report: report() }));
  expect(s.report?.response_ms).toBe(31.4);
  s = project(s, event('connection_closed', 6, { reason: 'idle timeout' }));
  expect(s).toMatchObject({ state: 'closed', closed: iso(6) });
});

describe('bounds', () => {
  test('the oldest events go', () => {
    const many = Array.from({ length: maxEvents + 50 }, (_, i) =>
      event('path_challenge_sent', i, { path: 1 }),
    );
    const kept = after(...events(many)).connections.get('c1')?.events ?? [];
    expect(kept).toHaveLength(maxEvents);
    expect(kept.at(-1)?.id).toBe(many.at(-1)?.id);
    expect(kept[0]?.id).toBe(many[50]?.id);
  });
  test('an old event does not push out newer ones when the log is full', () => {
    const late = event('path_challenge_sent', 0, { path: 1 });
    const many = Array.from({ length: maxEvents }, (_, i) => event('path_challenge_sent', i, { path: 1 }));
    const kept = after(...events([...many, late])).connections.get('c1')?.events ?? [];
    expect(kept).toHaveLength(maxEvents);
    expect(kept.at(-1)?.id).toBe(many.at(-1)?.id);
    expect(kept.map((e) => e.id)).toEqual(kept.map((e) => e.id).toSorted((a, b) => a - b));
  });
  test('the longest-ended connections go, open ones stay', () => {
    const closed = Array.from({ length: maxClosed + 10 }, (_, i) =>
      snapshot({ id: `old${i}`, state: 'closed', closed: iso(i * 1000) }),
    );
    const state = after({ type: 'list', snapshots: [...closed, snapshot()] });
    expect(state.connections.size).toBe(maxClosed + 1);
    expect(state.connections.has('old0')).toBe(false);
    expect(state.connections.has('c1')).toBe(true);
  });
});

test('marks stand by themselves: they make no connection, and are counted and bounded', () => {
  const mark = (at: number, more: Partial<PathEventData> = {}) =>
    event('moment_marked', at, { connection: '', text: `mark ${at}`, ...more });
  const first = mark(1);
  let state = after({ type: 'snapshot', snapshot: snapshot() }, ...events([first, first, mark(2)]));
  expect([...state.connections.keys()]).toEqual(['c1']);
  expect(state.marks.map((m) => m.text)).toEqual(['mark 1', 'mark 2']);
  expect([state.taken, state.newest?.text]).toEqual([2, 'mark 2']);
  // One that is about a connection does not make its snapshot, which knows nothing of marks, too old.
  const own = mark(3, { connection: 'c1' });
  state = reduceAll(state, events([own]));
  state = reduce(state, {
    type: 'snapshot',
    snapshot: snapshot({ verdict: 'migrated', last_event: own.id }),
  });
  expect(state.connections.get('c1')?.snapshot.verdict).toBe('migrated');
  expect(state.connections.get('c1')?.events).toEqual([]);
  state = reduceAll(state, events(Array.from({ length: maxMarks + 5 }, (_, i) => mark(10 + i))));
  expect(state.marks).toHaveLength(maxMarks);
  expect(state.marks.at(-1)?.text).toBe(`mark ${maxMarks + 14}`);
});

test('an event of no connection that is no mark changes nothing', () => {
  const state = after(...events([event('path_validated', 1, { connection: '' })]));
  expect([state.connections.size, state.taken]).toEqual([0, 0]);
});

test('samples go to their connection and leave others alone', () => {
  const state = after({ type: 'list', snapshots: [snapshot(), snapshot({ id: 'c2' })] });
  const next = reduce(state, {
    type: 'samples',
    samples: [sample(200, { send_bps: 7 }), sample(200, { connection: 'nobody' })],
  });
  expect(next.connections.get('c1')?.sample?.send_bps).toBe(7);
  expect(next.connections.get('c1')?.series.length).toBe(1);
  expect(next.connections.get('c2')).toBe(state.connections.get('c2'));
  expect(next.connections.has('nobody')).toBe(false);
});

test('the clocks’ difference is that of the fastest sample; events, which may be old, say nothing of it', () => {
  const list = { type: 'list', snapshots: [snapshot()] } as const;
  const samples = (at: number, received: number): Action => ({
    type: 'samples',
    samples: [sample(at)],
    received: origin + received,
  });
  let state = after(list, ...events([event('path_challenge_sent', 0)]));
  expect(state.offset).toBeNaN();
  state = reduceAll(state, [samples(0, 5080), samples(200, 5230), samples(400, 5500)]);
  expect(state.offset).toBeGreaterThanOrEqual(5030);
  expect(state.offset).toBeLessThan(5031);
  // The server's clock was set back by an hour: believed at once.
  state = reduce(state, samples(600, 3_605_600));
  expect(state.offset).toBe(3_605_000);
});

test('a participant’s story goes on over a resumption', () => {
  const state = after(
    { type: 'snapshot', snapshot: snapshot({ state: 'closed', closed: iso(900) }) },
    { type: 'snapshot', snapshot: snapshot({ id: 'c2', started: iso(1000) }) },
    ...events([event('session_resumed', 1001, { connection: 'c2', previous: 'c1', verdict: 'resumed' })]),
  );
  const c2 = state.connections.get('c2');
  expect(c2 && lineage(state, c2).map((c) => c.id)).toEqual(['c1', 'c2']);
  expect(state.connections.get('c1')?.next).toBe('c2');
});

test('the list is open first, then by the last change', () => {
  const state = after(
    {
      type: 'list',
      snapshots: [
        snapshot({ id: 'a' }),
        snapshot({ id: 'b' }),
        snapshot({ id: 'z', state: 'closed', closed: iso(99_000) }),
      ],
    },
    ...events([event('path_switched', 5000, { connection: 'b', path: 1, verdict: 'rebound' })]),
  );
  expect(ordered(state).map((c) => c.id)).toEqual(['b', 'a', 'z']);
});

test('search finds names, rooms, addresses and connection IDs, all words of them', () => {
  const state = after({
    type: 'snapshot',
    snapshot: snapshot({
      connection_ids: [{ id: 'beef01', sequence: 1, issuer: 'server', state: 'issued' }],
    }),
  });
  const c = state.connections.get('c1');
  if (!c) throw new Error('no connection');
  for (const text of ['', 'ada', 'ADA demo', '10.1.0.2', 'wifi', 'beef']) expect(matches(c, text)).toBe(true);
  for (const text of ['grace', 'ada cellular']) expect(matches(c, text)).toBe(false);
});
