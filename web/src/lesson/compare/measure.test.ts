import { describe, expect, it } from 'vitest';
import { measure, usualInterval } from './measure.ts';

/** Frames every 40 ms from 0 on, but for holes. */
function frames(until: number, ...holes: [number, number][]): number[] {
  const times: number[] = [];
  for (let t = 0; t <= until; t += 40) if (!holes.some(([a, b]) => t > a && t < b)) times.push(t);
  return times;
}

describe('measure', () => {
  it('finds nothing where nothing happened', () => {
    expect(measure(frames(10_000), 6_000, 10_000)).toEqual({
      frames: 100,
      longestGapMs: 40,
      freezes: 0,
      frozenMs: 0,
      lostMs: 0,
    });
  });

  it('counts a freeze with all of its interval, and as lost all but a usual one', () => {
    const m = measure(frames(12_000, [7_000, 8_000]), 6_000, 12_000);
    expect(m).toMatchObject({ longestGapMs: 1_000, freezes: 1, frozenMs: 1_000, lostMs: 960 });
  });

  it('calls a gap lost that is too short for a freeze', () => {
    const m = measure(frames(12_000, [7_000, 7_160]), 6_000, 12_000);
    expect(m).toMatchObject({ longestGapMs: 160, freezes: 0, frozenMs: 0, lostMs: 120 });
  });

  it('leaves out what froze before, and takes what lasts', () => {
    const times = frames(8_000, [3_000, 4_000]);
    expect(measure(times, 6_000, 8_000).freezes).toBe(0);
    expect(measure(times, 6_000, 9_500)).toMatchObject({ freezes: 1, frozenMs: 1_500, longestGapMs: 1_500 });
  });

  it('takes a gap in whole that began before the run', () => {
    expect(measure(frames(9_000, [5_000, 7_000]), 6_000, 9_000)).toMatchObject({
      freezes: 1,
      longestGapMs: 2_000,
    });
  });

  it('has lost all of it without a frame', () => {
    expect(measure([], 0, 1_000)).toEqual({
      frames: 0,
      longestGapMs: 1_000,
      freezes: 0,
      frozenMs: 0,
      lostMs: 1_000,
    });
    expect(measure(frames(1_000), 6_000, 9_000)).toMatchObject({
      frames: 0,
      longestGapMs: 8_000,
      lostMs: 7_960,
    });
  });

  it('has lost what came after a single frame', () => {
    expect(measure([5_000], 6_000, 9_000)).toMatchObject({ frames: 0, longestGapMs: 4_000, lostMs: 3_960 });
  });

  it('has lost what was before the first frame', () => {
    const late = frames(9_000).filter((t) => t >= 8_000);
    expect(measure(late, 6_000, 9_000)).toMatchObject({ frames: 26, longestGapMs: 2_000, freezes: 0 });
  });
});

describe('usualInterval', () => {
  it('is the mean before', () => {
    expect(usualInterval(frames(10_000), 8_000)).toBeCloseTo(40);
    expect(usualInterval([1], 8)).toBe(0);
  });
});
