import { describe, expect, it } from 'vitest';
import { formatBytes, formatMs, formatRate, formatSeconds, formatShare } from './format.ts';

describe('numbers in words', () => {
  it.each([
    [formatMs(0), '0 ms'],
    [formatMs(4.25), '4.3 ms'],
    [formatMs(47.6), '48 ms'],
    [formatMs(1234), '1.2 s'],
    [formatMs(Number.NaN), '–'],
    [formatSeconds(0), '0.0 s'],
    [formatSeconds(1250), '1.3 s'],
    [formatRate(800), '800 bit/s'],
    [formatRate(640_000), '640 kbit/s'],
    [formatRate(1_540_000), '1.5 Mbit/s'],
    [formatRate(12_000_000), '12 Mbit/s'],
    [formatShare(0), '0 %'],
    [formatShare(0.001), '0.1 %'],
    [formatShare(0.00001), '0.1 %'],
    [formatShare(0.345), '35 %'],
    [formatBytes(1_234_000), '1.2 MB'],
  ])('%s', (got, want) => {
    expect(got).toBe(want);
  });
});
