import { describe, expect, test } from 'vitest';
import type { PathEventData } from '../../protocol/messages.gen.ts';
import { cellular, direction, event, handover, iso, origin, report, snapshot } from '../fixture.ts';
import { type Action, empty, reduceAll, type State } from '../store.ts';
import { type Change, lastChange, lastWave, pathState, seatsOf, waveWords } from './seats.ts';

const at = (ms: number) => origin + ms;

function person(name: string, more: Parameters<typeof snapshot>[0] = {}): Action {
  const id = `c-${name}`;
  return { type: 'snapshot', snapshot: snapshot({ id, participant: `p-${name}`, name, ...more }) };
}

const of = (connection: string, list: PathEventData[]): Action[] =>
  list.map((e) => ({ type: 'event', event: { ...e, connection } }));

const names = (state: State, now: number) => seatsOf(state, now).map((s) => s.connection.snapshot.name);

describe('seats', () => {
  const class5 = [
    person('Student 10'),
    person('Student 2'),
    person('Ben', { room: 'other' }),
    person('Ada'),
    { type: 'snapshot', snapshot: snapshot({ id: 'lobby', participant: '', name: '' }) } as Action,
  ];

  test('stand by room and name, and do not move when something happens', () => {
    let state = reduceAll(empty, class5);
    const before = names(state, at(0));
    expect(before).toEqual(['Ada', 'Student 2', 'Student 10', 'Ben']);
    state = reduceAll(state, of('c-Student 10', handover(1000)));
    expect(names(state, at(2000))).toEqual(before);
  });

  test('stay with the participant when another connection takes over', () => {
    let state = reduceAll(empty, [person('Ada', { state: 'closed', closed: iso(5000) }), person('Ben')]);
    expect(seatsOf(state, at(5500)).map((s) => s.presence)).toEqual(['away', 'here']);
    state = reduceAll(state, [
      person('Ada', { id: 'c2', started: iso(5100) }),
      ...of('c2', [event('session_resumed', 5200, { previous: 'c-Ada', verdict: 'resumed' })]),
    ]);
    const seats = seatsOf(state, at(6000));
    expect(seats.map((s) => [s.participant, s.connection.id, s.presence])).toEqual([
      ['p-Ada', 'c2', 'here'],
      ['p-Ben', 'c-Ben', 'here'],
    ]);
  });

  test('show who was dropped for a while, unless the same name is there again', () => {
    const gone = person('Ada', { state: 'closed', closed: iso(0), verdict: 'dropped' });
    let state = reduceAll(empty, [gone]);
    expect(seatsOf(state, at(31_000)).map((s) => s.presence)).toEqual(['dropped']);
    expect(seatsOf(state, at(200_000))).toEqual([]);
    const again = snapshot({ id: 'c9', participant: 'p9', name: 'Ada', started: iso(33_000) });
    state = reduceAll(state, [{ type: 'snapshot', snapshot: again }]);
    expect(seatsOf(state, at(34_000)).map((s) => s.participant)).toEqual(['p9']);
  });
});

describe('the state of the path', () => {
  test('follows the events of a change', () => {
    let state = reduceAll(empty, [person('Ada')]);
    const seen = [];
    for (const e of handover(1000)) {
      state = reduceAll(state, of('c-Ada', [e]));
      seen.push(pathState(state.connections.get('c-Ada')?.snapshot ?? snapshot(), at(1032)));
    }
    expect(seen).toEqual(['probing', 'probing', 'validated', 'active']);
  });

  test.each([
    ['a standby that was validated long ago', 'validated', 0, 'active'],
    ['one that was just validated', 'validated', 9000, 'validated'],
    ['one that just failed', 'failed', 9000, 'failed'],
    ['one that failed long ago', 'failed', 0, 'active'],
  ])('%s', (_, state, since, want) => {
    const path = { id: 1, state, local: '', remote: cellular.remote, since: iso(since) };
    const s = snapshot();
    expect(pathState({ ...s, paths: [...s.paths, path] }, at(10_000))).toBe(want);
  });
});

describe('the last change', () => {
  const change = (actions: Action[], now: number) => {
    const found = reduceAll(empty, actions).connections.get('c-Ada');
    return found ? lastChange(found, at(now)) : null;
  };
  const told = (more: Partial<PathEventData> = {}) => of('c-Ada', [event('handover_report', 2600, more)]);

  test('there is none before the first', () => {
    expect(change([person('Ada')], 500)).toBeNull();
  });

  test('is measured until it is reported', () => {
    const moved = [person('Ada'), ...of('c-Ada', handover(1000))];
    expect(change(moved, 1100)).toMatchObject({ verdict: 'rebound', pending: true, report: null });
    expect(change(moved, 20_000)).toMatchObject({ pending: false });
    const r = report({ up: direction({ longest_gap_ms: 320, frozen: true }) });
    expect(change([...moved, ...told({ report: r })], 2700)).toMatchObject({
      at: at(1031.8),
      pending: false,
      gapMs: 320,
      frozen: true,
    });
  });

  test('an older report is not that of a newer change', () => {
    const old = report({ switched: iso(200) });
    const actions = [person('Ada', { report: old, verdict: 'rebound' }), ...of('c-Ada', handover(1000))];
    expect(change(actions, 1100)).toMatchObject({ pending: true, report: null });
  });

  test('where nobody received video there is no gap', () => {
    const r = report({ down: direction({ measured: false }), up: direction({ longest_gap_ms: 0 }) });
    expect(change([person('Ada', { report: r, verdict: 'rebound' })], 2700)?.gapMs).toBeNaN();
  });
});

describe('a wave', () => {
  const one = (ms: number, verdict: Change['verdict'], gapMs = Number.NaN, pending = false): Change => ({
    verdict,
    at: at(ms),
    report: null,
    pending,
    gapMs,
    frozen: false,
  });

  test('has those that belong together', () => {
    const wave = lastWave(
      [
        one(0, 'dropped'),
        one(20_000, 'rebound', 70),
        one(20_400, 'rebound', 80),
        one(22_000, 'resumed', 180),
      ],
      Number.NaN,
    );
    expect(wave).toMatchObject({ at: at(20_000), changes: 3, pending: 0, longestMs: 180, medianMs: 80 });
    expect(wave?.verdicts).toEqual({ migrated: 0, rebound: 2, resumed: 1, dropped: 0 });
    expect(waveWords(wave as NonNullable<typeof wave>, (ms) => `${ms} ms`)).toBe(
      '2 rebound, 1 resumed, 0 dropped; longest gap 180 ms, median 80 ms',
    );
  });

  test('has all that a request caused, also who was dropped later, and nothing before it', () => {
    const changes = [one(900, 'rebound', 50), one(1200, 'rebound', 60), one(31_500, 'dropped')];
    expect(lastWave(changes, at(1000))).toMatchObject({ changes: 2, verdicts: { rebound: 1, dropped: 1 } });
    expect(lastWave(changes, Number.NaN)).toMatchObject({ changes: 1, verdicts: { dropped: 1 } });
  });

  test('a later change is a wave of its own', () => {
    expect(lastWave([one(1200, 'rebound'), one(90_000, 'rebound')], at(1000))).toMatchObject({ changes: 1 });
  });

  test('counts who is not reported, and measures nothing where nothing was measured', () => {
    const wave = lastWave([one(0, 'rebound', Number.NaN, true)], Number.NaN);
    expect(wave).toMatchObject({ pending: 1 });
    expect(waveWords(wave as NonNullable<typeof wave>, String)).toBe('1 rebound, 0 resumed, 0 dropped');
    expect(lastWave([], Number.NaN)).toBeNull();
  });
});
