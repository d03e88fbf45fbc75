import { describe, expect, test } from 'vitest';
import type { ConnectionSnapshot, PathEventData } from '../protocol/messages.gen.ts';
import { event, handover, origin, sample, snapshot, wifi } from './fixture.ts';
import { lanes, mediaLane, type PathLane, visible } from './lanes.ts';
import { type Frame, hit, layout, timeToX, xToTime } from './layout.ts';
import { Series } from './series.ts';
import { type Connection, empty, reduceAll } from './store.ts';

function connection(events: PathEventData[], s: ConnectionSnapshot | null = null): Connection {
  const state = reduceAll(empty, [
    ...(s ? [{ type: 'snapshot' as const, snapshot: s }] : []),
    ...events.map((e) => ({ type: 'event' as const, event: e })),
  ]);
  const c = state.connections.get('c1');
  if (!c) throw new Error('no connection');
  return c;
}

const paths = (c: Connection) => lanes([c]).filter((l): l is PathLane => l.kind === 'path');
const relative = (lane: PathLane | undefined) =>
  lane?.bars.map((b) => [
    b.state,
    +(b.from - origin).toFixed(2),
    b.to === null ? null : +(b.to - origin).toFixed(2),
  ]);

describe('path lanes', () => {
  test('a handover: the old lane ends where the new one becomes active', () => {
    const [first, second] = paths(connection([event('connection_started', 0, wifi), ...handover(1000)]));
    expect(first).toMatchObject({ network: 'wifi', remote: '10.1.0.2:5000' });
    expect(relative(first)).toEqual([['active', 0, 1031.8]]);
    expect(relative(second)).toEqual([
      ['probing', 1000, 1031.42],
      ['validated', 1031.42, 1031.8],
      ['active', 1031.8, null],
    ]);
    expect(second?.marks.map((m) => m.event.type)).toEqual([
      'path_challenge_sent',
      'path_response_received',
      'path_validated',
      'path_switched',
    ]);
  });

  test('a dashboard opened late takes from the snapshot what no event told', () => {
    const late = connection([], snapshot());
    expect(relative(paths(late)[0])).toEqual([['active', 0, null]]);
    // Only the switch was seen: the path that it left was there before.
    const [first, second] = paths(connection(handover(1000).slice(3), snapshot()));
    const both = [first, second].map((l) => [l?.network, relative(l)]);
    expect(both).toContainEqual(['cellular', [['active', 1031.8, null]]]);
    expect(both).toContainEqual(['wifi', [['active', 0, 1031.8]]]);
  });

  test('a failed validation is marked and leaves the old path active', () => {
    const started = event('connection_started', 0, wifi);
    const [challenge] = handover(1000) as [PathEventData];
    const all = paths(
      connection([
        started,
        challenge,
        event('path_validation_failed', 1900, { path: 1, remote: '10.2.0.2:6000', network: 'cellular' }),
      ]),
    );
    expect(all[1]?.bars).toMatchObject([{ state: 'probing', failed: true, to: origin + 1900 }]);
    expect(relative(all[0])).toEqual([['active', 0, null]]);
  });

  test('the same addresses are one lane, whatever the path’s number', () => {
    const before = [event('connection_started', 0, wifi), ...handover(1000)];
    const back = event('path_switched', 3000, {
      ...wifi,
      path: 2,
      verdict: 'migrated',
      from: { path: 1, local: '', remote: '10.2.0.2:6000' },
    });
    const all = paths(connection([...before, back]));
    expect(all).toHaveLength(2);
    expect(relative(all[0])).toEqual([
      ['active', 0, 1031.8],
      ['active', 3000, null],
    ]);
  });

  test('the end closes everything', () => {
    const all = paths(connection([event('connection_started', 0, wifi), event('connection_closed', 5000)]));
    expect(relative(all[0])).toEqual([['active', 0, 5000]]);
  });

  test('lanes that have nothing to show are left out, and the newest stay', () => {
    const all = lanes([connection([event('connection_started', 0, wifi), ...handover(1000)])]);
    const now = origin + 60_000;
    const names = (from: number, to: number, most = 5) =>
      visible(all, { from: origin + from, to: origin + to }, now, most).flatMap((l) =>
        l.kind === 'path' ? [l.network] : [],
      );
    expect(names(0, 60_000)).toEqual(['wifi', 'cellular']);
    expect(names(30_000, 60_000)).toEqual(['cellular']);
    expect(names(0, 60_000, 1)).toEqual(['cellular']);
  });
});

describe('media lanes', () => {
  const series = (gaps: Record<number, number>, concealed: Record<number, number> = {}) => {
    const s = new Series();
    for (let at = 0; at <= 10_000; at += 200) {
      s.push(
        sample(at, { frame_down_ms: gaps[at] ?? 36, concealed_down_ms: concealed[at] ?? 0, frame_up_ms: 0 }),
      );
    }
    return s;
  };
  const all = { from: origin, to: origin + 10_000 };

  test('steady video shows nothing', () => {
    expect(mediaLane([series({})], 'down', all)).toMatchObject({ gaps: [], concealed: [], measured: true });
  });
  test('a long interval is a gap that ends at its sample, a longer one is a freeze', () => {
    const { gaps } = mediaLane([series({ 4000: 90, 8000: 400 })], 'down', all);
    expect(gaps.map((g) => [g.from - origin, g.to - origin, g.frozen])).toEqual([
      [3910, 4000, false],
      [7600, 8000, true],
    ]);
  });
  test('a freeze that grows from sample to sample is one', () => {
    const { gaps } = mediaLane([series({ 4000: 200, 4200: 400, 4400: 600 })], 'down', all);
    expect(gaps).toMatchObject([{ ms: 600, frozen: true }]);
  });
  test('made-up audio lies in the interval that it was measured in', () => {
    const { concealed } = mediaLane([series({}, { 6000: 40 })], 'down', all);
    expect(concealed).toEqual([{ from: origin + 5800, to: origin + 6000, ms: 40 }]);
  });
  test('without anything usual nothing is unusual', () => {
    const s = new Series();
    for (const [at, ms] of [
      [0, 1600],
      [200, 40],
      [400, 900],
    ] as const)
      s.push(sample(at, { frame_down_ms: ms }));
    expect(mediaLane([s], 'down', all).gaps).toEqual([]);
  });
  test('no video is not a gap', () => {
    expect(mediaLane([series({})], 'up', all)).toMatchObject({ gaps: [], measured: false });
  });
});

describe('layout', () => {
  const c = connection([event('connection_started', 0, wifi), ...handover(1000)]);
  const frame = (from: number, to: number): Frame => ({
    width: 1000,
    gutter: 200,
    names: 'beside',
    font: 13,
    range: { from: origin + from, to: origin + to },
    now: origin + 5000,
  });

  test('pixels and times are each other’s inverse', () => {
    const f = frame(0, 1000);
    expect(timeToX(origin, f)).toBe(200);
    expect(timeToX(origin + 1000, f)).toBe(1000);
    expect(xToTime(timeToX(origin + 321.5, f), f)).toBeCloseTo(origin + 321.5, 3);
  });

  test('far out a handover is one mark that says its verdict', () => {
    const l = layout(lanes([c]), frame(0, 30_000));
    const lane = l.lanes.find((b) => b.lane.kind === 'path' && b.lane.network === 'cellular');
    expect(lane?.clusters).toHaveLength(1);
    expect(lane?.clusters[0]).toMatchObject({ glyph: 'switched', label: 'rebound' });
    expect(lane?.clusters[0]?.marks).toHaveLength(4);
    expect(lane?.brackets).toEqual([]);
  });

  test('near by the steps stand apart with the milliseconds between them', () => {
    const l = layout(lanes([c]), frame(990, 1070));
    const lane = l.lanes.find((b) => b.lane.kind === 'path' && b.lane.network === 'cellular');
    expect(lane?.clusters.map((x) => x.glyph)).toEqual(['challenge', 'switched']);
    expect(lane?.brackets.map((b) => b.text)).toEqual(['31.4 ms']);
    expect(lane?.clusters[1]?.steps).toBe('validated +0.02 ms, switched +0.38 ms');
  });

  test('nearer still even validated and switched are told apart', () => {
    const l = layout(lanes([c]), frame(1031, 1032));
    const lane = l.lanes.find((b) => b.lane.kind === 'path' && b.lane.network === 'cellular');
    expect(lane?.clusters.map((x) => x.glyph)).toEqual(['response', 'validated', 'switched']);
    expect(lane?.brackets.map((b) => b.text)).toContain('0.38 ms');
  });

  test('the switch crosses all lanes, and the present is where it is', () => {
    const l = layout(lanes([c]), frame(0, 10_000));
    expect(l.switches).toEqual([{ x: timeToX(origin + 1031.8, frame(0, 10_000)), network: 'cellular' }]);
    expect(l.nowX).toBe(600);
    expect(layout(lanes([c]), frame(0, 4000)).nowX).toBeNaN();
  });

  test('what lies under the pointer', () => {
    const l = layout(lanes([c]), frame(990, 1070));
    const lane = l.lanes.find((b) => b.lane.kind === 'path' && b.lane.network === 'cellular');
    const mark = lane?.clusters[0];
    if (!mark) throw new Error('no mark');
    expect(hit(l, mark.x + 5, mark.y)).toEqual({ cluster: mark });
    expect(hit(l, mark.x + 40, mark.y)).toBeNull();
    expect(hit(l, mark.x, 100_000)).toBeNull();
  });

  test('nothing is drawn left of the axis or beyond the edge', () => {
    const s = new Series();
    for (let at = 0; at <= 3000; at += 200) s.push(sample(at, { frame_down_ms: at === 2000 ? 900 : 36 }));
    const f = frame(1500, 1900);
    const l = layout([...lanes([c]), mediaLane([s], 'down', f.range)], f);
    for (const box of l.lanes) {
      for (const b of [...box.bars, ...box.gaps, ...box.concealed]) {
        expect(b.x).toBeGreaterThanOrEqual(200);
        expect(b.x + b.width).toBeLessThanOrEqual(1003);
      }
    }
    expect(l.lanes.at(-1)?.gaps).toHaveLength(1);
  });
});

describe('moments that somebody marked', () => {
  const c = connection([event('connection_started', 0, wifi), ...handover(1000)]);
  const mark = (at: number, connection: string, text: string) =>
    event('moment_marked', at, { connection, text });
  const marks = [mark(500, '', 'Wi-Fi goes'), mark(700, 'another', 'not here'), mark(20_000, 'c1', 'hers')];
  const f: Frame = {
    width: 1400,
    gutter: 168,
    names: 'beside',
    font: 13,
    range: { from: origin, to: origin + 30_000 },
    now: origin + 30_000,
  };

  test('are a lane above the others and lines over all, those of other connections left out', () => {
    const l = layout(lanes([c], marks), f);
    const [first] = l.lanes;
    expect(first?.lane.kind).toBe('moments');
    expect(first?.clusters.map((cl) => [cl.glyph, cl.label])).toEqual([
      ['mark', 'Wi-Fi goes'],
      ['mark', 'hers'],
    ]);
    expect(l.moments.map(Math.round)).toEqual(
      [timeToX(origin + 500, f), timeToX(origin + 20_000, f)].map(Math.round),
    );
  });
  test('are shortened where the next is near', () => {
    const near = [mark(500, '', 'a long text about the Wi-Fi that goes'), mark(3500, '', 'next')];
    const [first] = layout(lanes([c], near), f).lanes;
    expect(first?.clusters[0]?.label).toMatch(/^a long text.*…$/);
  });
  test('leave no lane where there are none', () => {
    expect(lanes([c], [mark(1, 'another', 'x')]).some((l) => l.kind === 'moments')).toBe(false);
  });
});

test('two thousand marks are laid out well within a frame', () => {
  const events = [event('connection_started', 0, wifi)];
  for (let i = 0; i < 490; i++) events.push(...handover(1000 + i * 60));
  const all = lanes([connection(events)]);
  const f: Frame = {
    width: 1400,
    gutter: 168,
    names: 'beside',
    font: 13,
    range: { from: origin, to: origin + 30_000 },
    now: origin + 30_000,
  };
  layout(all, f);
  const took = Array.from({ length: 20 }, () => {
    const start = performance.now();
    layout(all, f);
    return performance.now() - start;
  });
  expect(Math.min(...took)).toBeLessThan(16); // the least: others may keep the machine busy meanwhile
});
