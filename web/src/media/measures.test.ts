import { describe, expect, it } from 'vitest';
import { Backlog } from './backlog.ts';
import { FreezeMeter, Tally } from './freeze.ts';
import { ArrivalJitter, InterarrivalJitter, Reception } from './jitter.ts';

import { VideoSchedule } from './schedule.ts';

describe('FreezeMeter', () => {
  const steady = (n: number, step = 33) => {
    const m = new FreezeMeter();
    for (let i = 0; i < n; i++) m.add(i * step);
    return m;
  };

  it('counts an interval of δ + 150 ms and none just below', () => {
    const m = steady(40); // δ = 33
    m.add(39 * 33 + 182);
    expect(m.freezes).toBe(0);
    const n = steady(40);
    n.add(39 * 33 + 183);
    expect([n.freezes, n.frozenMs]).toEqual([1, 183]);
  });

  it('needs three intervals where frames are slow', () => {
    const m = steady(40, 100); // 3δ = 300 > δ + 150
    m.add(3900 + 299);
    expect(m.freezes).toBe(0);
    const n = steady(40, 100);
    n.add(3900 + 300);
    expect(n.freezes).toBe(1);
  });

  it('does not count while paused', () => {
    const m = steady(40);
    m.pause();
    m.add(20_000);
    m.add(20_033);
    expect(m.freezes).toBe(0);
    expect(m.longestGap(0, 20_040)).toBe(33);
    m.pause();
    expect(m.longestGap(19_000, 30_000)).toBe(33);
  });

  it('finds the longest gap that touches a window, the running one included', () => {
    const m = steady(40); // last at 1287
    m.add(1400); // 113
    m.add(1433);
    expect(m.longestGap(1399, 1440)).toBe(113);
    expect(m.longestGap(1400, 1440)).toBe(33);
    expect(m.longestGap(1433, 1600)).toBe(167);
    expect(m.longestGap(0, 1_200)).toBe(33); // what comes after does not count
    expect(m.meanBefore(1290)).toBe(33);
  });

  it('forgets old frames but not the totals', () => {
    const m = steady(5000);
    expect(m.rendered).toBe(5000);
    const last = 4999 * 33;
    expect(m.longestGap(last - 15_000, last)).toBe(33);
    expect(m.fps(last)).toBeCloseTo(30.5, 0);
  });
});

it('Tally answers for a window', () => {
  const t = new Tally();
  t.add(10, 1000);
  t.add(5, 2000);
  t.add(-2, 3000);
  expect([t.total, t.since(1500), t.since(3001)]).toEqual([13, 3, 0]);
});

describe('ArrivalJitter', () => {
  it('is the 95th percentile above the quickest', () => {
    const j = new ArrivalJitter(100);
    for (let i = 0; i < 100; i++) j.add(5000 + (i % 20)); // 0..19 above
    expect(j.base).toBe(5000);
    expect(j.p95).toBe(18);
  });

  it('is not moved by a single handover, and forgets', () => {
    const j = new ArrivalJitter(100);
    for (let i = 0; i < 100; i++) j.add(i % 5);
    for (let i = 0; i < 4; i++) j.add(100 + i);
    expect(j.p95).toBeLessThan(6);
    for (let i = 0; i < 100; i++) j.add(50 + (i % 5)); // a longer way
    expect([j.base, j.p95]).toEqual([50, 4]);
  });

  it('forgets how it began after as long again', () => {
    const j = new ArrivalJitter(300);
    for (let i = 0; i < 60; i++) j.add(i % 3 === 0 ? 150 : i % 5); // a machine that is busy
    expect(j.p95).toBe(150);
    for (let i = 0; i < 75; i++) j.add(i % 5);
    expect(j.p95).toBe(4);
    for (let i = 0; i < 600; i++) j.add(i % 5);
    for (let i = 0; i < 20; i++) j.add(150); // later on it counts for as long as anything
    for (let i = 0; i < 270; i++) j.add(i % 5);
    expect(j.p95).toBe(150);
    for (let i = 0; i < 20; i++) j.add(i % 5);
    expect(j.p95).toBe(4);
  });

  it('ignores an outage but follows a clock that was set', () => {
    const j = new ArrivalJitter(100);
    for (let i = 0; i < 100; i++) j.add(i % 5);
    for (let i = 0; i < 20; i++) j.add(3000 - 33 * i);
    expect([j.base, j.p95]).toEqual([0, 4]);
    for (let i = 0; i < 80; i++) j.add(-1e6);
    expect([j.base, j.p95]).toEqual([-1e6, 0]);
  });
});

it('InterarrivalJitter follows RFC 3550', () => {
  const j = new InterarrivalJitter();
  j.add(0, 0);
  j.add(36, 20); // D = 16
  expect(j.value).toBe(1);
  j.add(56, 40); // D = 0
  expect(j.value).toBeCloseTo(15 / 16);
});

it('Reception counts what is missing, and takes it back when it comes late', () => {
  const r = new Reception();
  for (const s of [10, 11, 14, 15]) r.add(s);
  expect([r.received, r.highest, r.lost]).toEqual([4, 15, 2]);
  r.add(12);
  expect(r.lost).toBe(1);
});

it('Reception does not miss what was not meant to come', () => {
  const r = new Reception();
  for (const s of [10, 12]) r.add(s);
  r.pause();
  for (const s of [13, 17]) r.add(s); // on their way still
  expect([r.received, r.lost]).toEqual([4, 1]);
  r.resume();
  expect(r.lost).toBe(1);
  for (const s of [101, 100, 103]) r.add(s);
  expect([r.received, r.highest, r.lost]).toEqual([7, 103, 2]);
  r.resume(); // it is going on already
  r.add(104);
  expect(r.lost).toBe(2);
});

describe('VideoSchedule', () => {
  const steady = (late: (i: number) => number, n = 300) => {
    const s = new VideoSchedule();
    for (let i = 0; i < n; i++) s.ready(i * 33, 1000 + i * 33 + late(i));
    return s;
  };
  const media = 299 * 33;

  it('has a small delay on a good network and a larger one on a bad one', () => {
    expect(steady(() => 0).due(media, Number.NaN) - (1000 + media)).toBe(40);
    const bad = steady((i) => (i % 10 === 0 ? 90 : 0));
    expect(bad.due(media, Number.NaN) - (1000 + media)).toBeCloseTo(95, 0);
  });

  it('keeps within 45 ms before and 125 ms after the sound', () => {
    const s = steady(() => 0);
    for (let off = -500; off <= 350; off += 10) {
      const heard = 1000 + media + off;
      const late = s.due(media, heard) - heard;
      expect(late).toBeGreaterThanOrEqual(-45);
      expect(late).toBeLessThanOrEqual(125);
    }
  });

  it('does not hold the picture for sound that is hopelessly late', () => {
    expect(steady(() => 0).due(media, 1000 + media + 5000) - (1000 + media)).toBe(340);
  });

  it('moves in small steps', () => {
    const s = new VideoSchedule();
    let before = Number.NaN;
    for (let i = 0; i < 900; i++) {
      s.ready(i * 33, i * 33 + (i > 300 ? 60 : 0));
      const due = s.due(i * 33, Number.NaN) - i * 33;
      if (i > 0) expect(Math.abs(due - before)).toBeLessThan(10);
      before = due;
    }
    expect(before).toBeCloseTo(100, 0);
  });
});

describe('Backlog', () => {
  it('follows the sequence numbers of replies over their edge, and tells what arrived', () => {
    const b = new Backlog();
    b.sent(65535, 700, 0);
    b.sent(0, 300, 100);
    expect(b.received(65535 + 65536)).toBe(700); // extended
    expect(b.age(150)).toBe(50);
    expect(b.received(65535 + 65536)).toBe(0);
    expect(b.received(65536 * 2)).toBe(300);
    expect(b.age(150)).toBe(0);
  });
});
