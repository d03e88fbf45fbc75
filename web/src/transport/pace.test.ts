import { describe, expect, it } from 'vitest';
import { between, paceOf, patience } from './pace.ts';

const chromium = paceOf({ userAgentData: {} });
const firefox = paceOf({});

describe('pace', () => {
  it('is sparing where openings in vain cost later ones', () => {
    expect(chromium.atOnce).toBe(2);
    expect([0, 1, 2, 3, 4, 5].map((n) => patience(chromium, n, 10))).toEqual([
      500, 1_000, 2_000, 4_000, 4_600, 4_600,
    ]);
  });

  it('is eager elsewhere, for three seconds', () => {
    let begun = 0;
    for (let at = 0; at < 3_000; at += between(firefox, ++begun));
    expect(begun).toBeGreaterThanOrEqual(20);
    expect([0, 20, 21].map((n) => patience(firefox, n, 10))).toEqual([500, 500, 1_000]);
  });

  it('slows down, and goes on', () => {
    for (const pace of [chromium, firefox]) expect(between(pace, 1_000)).toBe(2_000);
  });

  it('leaves a slow network its time', () => {
    expect(patience(chromium, 0, 300)).toBe(1_800);
    expect(patience(chromium, 9, 1_000)).toBe(6_000);
  });
});
