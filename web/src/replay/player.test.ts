import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { event, origin, snapshot } from '../dashboard/fixture.ts';
import { createLive } from '../dashboard/live.ts';
import { Recorder } from '../dashboard/recorder.ts';
import { columns } from '../dashboard/series.ts';
import { empty, reduceAll, type State } from '../dashboard/store.ts';
import { momentsOf } from './moments.ts';
import { Parser, type Recording } from './parse.ts';
import { Player } from './player.ts';
import { readRecording } from './read.ts';
import { story, type Told } from './story.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: origin });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Everything that a screen can show of a state, in values that compare. The offset is of the live dashboard's clock, which a replay has no use for. */
function plain(state: State) {
  return {
    newest: state.newest,
    taken: state.taken,
    marks: state.marks,
    connections: [...state.connections.values()].map(({ series, ...rest }) => ({
      ...rest,
      series: Array.from({ length: series.length }, (_, i) => columns.map((c) => series.at(c, i))),
    })),
  };
}

/** Tells a live dashboard the story at its times; returns what it saved. */
async function live(told: Told[], recorder = new Recorder()): Promise<{ state: State; lines: string[] }> {
  const store = createLive();
  const feed = recorder.before(store);
  for (const { at, action } of told) {
    await vi.advanceTimersByTimeAsync(Math.max(0, origin + at - Date.now()));
    feed.dispatch(action.type === 'samples' ? { ...action, received: Date.now() } : action);
  }
  await vi.advanceTimersByTimeAsync(100);
  return { state: store.state.value, lines: recorder.lines() };
}

function parse(lines: string[]): Recording {
  const parser = new Parser();
  for (const line of lines) parser.line(line);
  return parser.finish('');
}

/** A recording whose entries are the actions themselves. */
function recorded(told: Told[]): Recording {
  return {
    header: { format: 'roamcall-recording', version: 1, time: '', roamcall: '', redacted: false },
    entries: told
      .filter(({ action }) => action.type !== 'list')
      .map(({ at, action }) => ({ at: origin + at, action })),
    end: 'stopped',
  };
}

describe('a replay shows what live had', () => {
  test('after the whole story, event for event', async () => {
    const { state, lines } = await live(story());
    const player = new Player(parse(lines));
    player.seek(player.end);
    expect(plain(player.state.value)).toEqual(plain(state));
    expect(state.taken).toBeGreaterThan(20);
    expect(plain(state).connections.some((c) => c.series.length > 20)).toBe(true);
    expect(state.marks).toHaveLength(3);
  });

  test('at each event on the way', async () => {
    const told = story();
    const { lines } = await live(told);
    const player = new Player(parse(lines));
    const all = told.filter(({ action }) => action.type === 'event');
    for (const { action } of all) {
      if (player.state.value.newest !== (action as { event: unknown }).event) player.step(1);
      const { newest } = player.state.value;
      expect(newest).toEqual((action as { event: unknown }).event);
      const upTo = told.findIndex((t) => t.action === action) + 1;
      const then = plain(
        reduceAll(
          empty,
          told.slice(0, upTo).map((t) => t.action),
        ),
      );
      expect(plain(player.state.value)).toEqual(then);
    }
  });

  test('also when the beginning was too long ago to be kept', async () => {
    const { state, lines } = await live(story(6), new Recorder(60));
    const player = new Player(parse(lines));
    player.seek(player.end);
    const replayed = plain(player.state.value);
    const want = plain(state);
    // Only measurements are fewer.
    expect(replayed.connections.map(({ series, ...c }) => c)).toEqual(
      want.connections.map(({ series, ...c }) => c),
    );
    expect(replayed.marks).toEqual(want.marks);
    expect(replayed.connections[0]?.series.length).toBeLessThan(want.connections[0]?.series.length ?? 0);
  });

  test('long lists are as much as what is in them', async () => {
    const snapshots = Array.from({ length: 50 }, (_, i) => snapshot({ id: `c${i}` }));
    const told: Told[] = Array.from({ length: 10 }, (_, at) => ({ at, action: { type: 'list', snapshots } }));
    const { lines } = await live(told, new Recorder(60));
    expect(lines.length).toBeLessThanOrEqual(2 + 50 + 60); // header and end, what was before, what is kept
  });

  test('what is saved has no link that could be switched', async () => {
    const [first] = story();
    if (first?.action.type !== 'list') throw new Error('the story begins otherwise');
    const [snapshot] = first.action.snapshots;
    if (!snapshot) throw new Error('nobody');
    const { lines } = await live([
      { at: 0, action: { type: 'list', snapshots: [{ ...snapshot, link: 'secret' }] } },
    ]);
    expect(lines.join()).not.toContain('secret');
    expect(lines.join()).toContain('"link":"lab"');
  });
});

describe('going back and forth', () => {
  const told = story(80); // more than a checkpoint
  const recording = recorded(told);
  const straight = (at: number) =>
    plain(
      reduceAll(
        empty,
        recording.entries.filter((e) => e.at <= at).map((e) => e.action),
      ),
    );

  test('is as straight through', () => {
    const player = new Player(recording);
    expect(recording.entries.length).toBeGreaterThan(1200);
    const length = player.end - player.begin;
    for (const share of [0.9, 0.2, 0.21, 1, 0, 0.5, 0.49, 0.9, 0.1, 0.99, 1]) {
      const at = player.begin + share * length;
      player.seek(at);
      expect(player.now()).toBe(at);
      expect(plain(player.state.value)).toEqual(straight(at));
    }
  });

  test('step by step, each step is one event', () => {
    const player = new Player(recording);
    const newest: (number | undefined)[] = [];
    for (let i = 0; i < 30; i++) {
      player.step(1);
      newest.push(player.state.value.newest?.id);
    }
    expect(new Set(newest).size).toBe(30);
    for (let i = 28; i >= 0; i--) {
      player.step(-1);
      expect(player.state.value.newest?.id).toBe(newest[i]);
    }
    player.step(1);
    expect(player.state.value.newest?.id).toBe(newest[1]);
  });

  test('the ends hold', () => {
    const player = new Player(recording);
    player.step(-1);
    expect(player.now()).toBe(player.begin);
    player.seek(player.end + 5000);
    expect(player.now()).toBe(player.end);
    player.step(1);
    expect(plain(player.state.value)).toEqual(straight(player.end));
  });
});

describe('playing', () => {
  const player = () => new Player(recorded(story()), () => Date.now());

  test('the clock runs at the chosen speed, and stops at the end', async () => {
    const p = player();
    p.play();
    await vi.advanceTimersByTimeAsync(500);
    expect(p.now() - p.begin).toBeCloseTo(500, 3);
    p.setSpeed(4);
    await vi.advanceTimersByTimeAsync(500);
    expect(p.now() - p.begin).toBeCloseTo(2500, 3);
    const { taken } = p.state.value;
    expect(taken).toBeGreaterThan(3);
    p.pause();
    await vi.advanceTimersByTimeAsync(500);
    expect(p.now() - p.begin).toBeCloseTo(2500, 3);
    p.setSpeed(8);
    p.play();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(p.playing.value).toBe(false);
    expect(p.now()).toBe(p.end);
    p.play(); // again, from the beginning
    expect(p.now()).toBe(p.begin);
    p.close();
  });

  test('it goes on from where it was put', async () => {
    const p = player();
    p.play();
    p.seek(p.begin + 1000);
    await vi.advanceTimersByTimeAsync(200);
    expect(p.now() - p.begin).toBeCloseTo(1200, 3);
    p.step(1);
    expect(p.playing.value).toBe(false);
    p.close();
  });

  test('no event is shown before it was delivered', async () => {
    const p = player();
    const seen = new Set<number>();
    p.play();
    for (let i = 0; i < 400 && p.playing.value; i++) {
      await vi.advanceTimersByTimeAsync(20);
      const { newest } = p.state.value;
      if (newest) seen.add(newest.id);
      const entry = recordedAt(newest?.id);
      if (entry !== undefined) expect(entry).toBeLessThanOrEqual(p.now());
    }
    expect(seen.size).toBeGreaterThan(3);

    function recordedAt(id: number | undefined): number | undefined {
      return told.find((e) => e.action.type === 'event' && e.action.event.id === id)?.at;
    }
  });
  const told = recorded(story()).entries;
});

test('the moments are the marks and the changes of network', () => {
  const moments = momentsOf(recorded(story()).entries);
  expect(moments.map((m) => m.kind)).toEqual([
    'mark',
    'switch',
    'mark',
    'switch',
    'mark',
    'switch',
    'switch',
  ]);
  expect(moments[0]?.text).toBe('change 0');
  expect(moments[1]?.network).toBe('cellular');
});

test('the sample that the page brings along has what its marks say, and comes back from everywhere', async () => {
  vi.useRealTimers();
  const file = await readFile(new URL('../../../assets/sample/handover.jsonl.gz', import.meta.url));
  const recording = await readRecording(new Response(file).body as ReadableStream<Uint8Array<ArrayBuffer>>);
  expect([recording.header.redacted, recording.end]).toEqual([true, 'stopped']);
  const moments = momentsOf(recording.entries);
  expect(moments.filter((m) => m.kind === 'mark').length).toBeGreaterThanOrEqual(5);
  const verdicts = new Set(moments.map((m) => m.event.verdict));
  for (const verdict of ['rebound', 'migrated', 'resumed'] as const) expect(verdicts).toContain(verdict);

  const straight = plain(
    reduceAll(
      empty,
      recording.entries.map((e) => e.action),
    ),
  );
  const player = new Player(recording);
  for (const { at } of moments.toReversed()) player.seek(at);
  player.seek(player.end);
  expect(plain(player.state.value)).toEqual(straight);
});

test('of very many marks and switches some are shown', () => {
  const told: Told[] = Array.from({ length: 5000 }, (_, at) => ({
    at,
    action: { type: 'event', event: event(at % 5 ? 'moment_marked' : 'path_switched', at) },
  }));
  const moments = momentsOf(recorded(told).entries);
  for (const kind of ['mark', 'switch']) {
    const shown = moments.filter((m) => m.kind === kind);
    expect(shown.length, kind).toBeLessThanOrEqual(500);
    expect(shown.length, kind).toBeGreaterThan(250);
  }
  expect(moments.map((m) => m.at)).toEqual(moments.map((m) => m.at).sort((a, b) => a - b));
});
