import { describe, expect, it } from 'vitest';
import { age, decode, encode } from './timecode.ts';

const drawn = (ms: number, black = 16, white = 235) => encode(ms).map((w) => (w ? white : black));

describe('a time in the picture', () => {
  it.each([0, 1, 255, 256, 65_535, 2 ** 24 - 1, 1_795_836_123_456])('%d is read as it was drawn', (ms) => {
    expect(decode(drawn(ms))).toBe(ms % 2 ** 24);
  });

  it('is read from washed out blocks', () => {
    expect(decode(drawn(1_234_567, 70, 180))).toBe(1_234_567);
  });

  it('is not read from a picture without one', () => {
    for (const y of [0, 128, 255]) expect(decode(Array(32).fill(y))).toBeNull();
    expect(decode([])).toBeNull();
  });

  it('is not read if any one block is wrong or unclear', () => {
    for (const ms of [0, 9_876_543, 1_795_836_123_456]) {
      for (let i = 0; i < 32; i++) {
        const luma = drawn(ms);
        luma[i] = 251 - (luma[i] ?? 0);
        expect(decode(luma)).toBeNull();
        luma[i] = 128;
        expect(decode(luma)).toBeNull();
      }
    }
  });

  it('tells how old it is, also past the end of its range', () => {
    const at = 5 * 2 ** 24;
    expect(age(at + 40, decode(drawn(at - 50)) ?? 0)).toBe(90);
    expect(age(at + 1_000.5, decode(drawn(at)) ?? 0)).toBe(1_000.5);
  });
});
