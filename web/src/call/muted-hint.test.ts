import { describe, expect, it } from 'vitest';
import { MutedHint } from './muted-hint.ts';

/** Feeds levels, one each 100 ms or as given, and returns when it was said. */
function said(levels: number[], everyMs = 100): number[] {
  const hint = new MutedHint();
  return levels.flatMap((level, i) => (hint.heard(level, i * everyMs) ? [i * everyMs] : []));
}

describe('MutedHint', () => {
  it('is given to who speaks', () => {
    expect(said(Array(10).fill(0.7))).toEqual([600]);
  });

  it('is given no sooner if the same is told more often', () => {
    expect(said(Array(50).fill(0.7), 20)).toEqual([600]);
  });

  it('is not given for a cough, a door or silence', () => {
    expect(said([0.9, 0.9, 0.9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.9, 0.9, 0.9])).toEqual([]);
    expect(said(Array(100).fill(0.1))).toEqual([]);
  });

  it('is not given all the time', () => {
    const times = said(Array(700).fill(0.7));
    expect(times).toHaveLength(3);
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(30_000);
  });
});
