import { describe, expect, it } from 'vitest';
import { Overdraft } from './overdraft.ts';

const FRAME_MS = 33;

/** Sends frames of `bytes` wherever it may, for so many ms; returns bits per second. */
function run(overdraft: Overdraft, o: { from: number; ms: number; bytes: number; bitrate: number }): number {
  let bits = 0;
  for (let t = o.from; t < o.from + o.ms; t += FRAME_MS) {
    if (overdraft.holds(o.bitrate, t)) continue;
    overdraft.spend(o.bytes, false);
    bits += 8 * o.bytes;
  }
  return (1000 * bits) / o.ms;
}

describe('an overdraft', () => {
  it('leaves out frames of an encoder that gives out more than it was told, so that it comes to that', () => {
    const overdraft = new Overdraft();
    expect(run(overdraft, { from: 0, ms: 10_000, bytes: 15_000, bitrate: 500_000 })).toBeLessThan(520_000);
    expect(overdraft.overdrawn).toBe(true);
    run(overdraft, { from: 10_000, ms: 2_000, bytes: 1_000, bitrate: 500_000 });
    expect(overdraft.overdrawn).toBe(false);
  });

  it('leaves out nothing of what is uneven, nor after a key frame', () => {
    const overdraft = new Overdraft();
    for (let n = 0; n < 300; n++) {
      expect(overdraft.holds(1_000_000, n * FRAME_MS)).toBe(false);
      overdraft.spend(n % 150 === 0 ? 40_000 : n % 2 ? 5_000 : 2_500, n % 150 === 0);
    }
    expect(overdraft.overdrawn).toBe(false);
  });

  it('is owed in time, so that a lower bit rate does not make more of it', () => {
    const overdraft = new Overdraft();
    overdraft.holds(1_500_000, 0);
    overdraft.spend(37_500, false); // 200 ms
    expect(overdraft.holds(150_000, 10)).toBe(false);
    overdraft.spend(10_000, false);
    expect(overdraft.holds(150_000, 20)).toBe(true);
    overdraft.clear();
    expect(overdraft.holds(150_000, 30)).toBe(false);
  });
});
