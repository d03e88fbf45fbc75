import { describe, expect, it } from 'vitest';
import { analyse, type LinkSample, NARROW, offered, WIDE } from './steps.ts';

const EVERY_MS = 50;
const QUEUE_MS = 400;

/** A link with a queue, to which so much is offered at a time (ms, bit/s): narrow from 5 s to 15 s, watched for 25 s. */
function watch(send: (at: number) => number): LinkSample[] {
  const samples: LinkSample[] = [];
  let bytes = 0;
  let drops = 0;
  let queue = 0; // bytes
  for (let at = 0; at < 25_000; at++) {
    const rateBps = at >= 5_000 && at < 15_000 ? NARROW : WIDE;
    queue += send(at) / 8_000;
    const room = (QUEUE_MS / 8_000) * rateBps;
    while (queue > room) {
      queue -= 1_200;
      drops++;
    }
    const served = Math.min(queue, rateBps / 8_000);
    queue -= served;
    bytes += served;
    if (at % EVERY_MS === 0) samples.push({ at, bytes, drops, queueMs: (queue * 8_000) / rateBps, rateBps });
  }
  return samples;
}

describe('a step of the rate', () => {
  it('counts what was delivered, what waits and what was dropped', () => {
    const a = { at: 0, bytes: 0, drops: 0, queueMs: 0, rateBps: 1_000_000 };
    expect(offered(a, { ...a, at: 1_000, bytes: 100_000, queueMs: 100, drops: 5 })).toBeCloseTo(
      8 * (100_000 + 12_500 + 6_000),
    );
    expect(offered({ ...a, queueMs: 100 }, { ...a, at: 1_000, bytes: 12_500 })).toBe(0);
  });

  it('sees when a sender gives way, and when it comes back', () => {
    const r = analyse(
      watch((at) => (at < 5_300 ? 1_500_000 : at < 17_000 ? 800_000 : 1_500_000)),
      5_000,
      15_000,
    );
    expect(r.beforeBps / 1_500_000).toBeCloseTo(1, 2);
    expect(r.fitMs).toBeGreaterThanOrEqual(150); // half a second of which most is after 300 ms
    expect(r.fitMs).toBeLessThanOrEqual(300);
    expect(r.queueMs).toBeGreaterThan(130); // 0.3 s of 0.5 Mbit/s too much
    expect(r.queueMs).toBeLessThanOrEqual(150);
    expect(r.drops).toBe(0);
    expect(r.narrowBps / 800_000).toBeCloseTo(1, 1);
    expect(r.backMs).toBeGreaterThanOrEqual(2_300);
    expect(r.backMs).toBeLessThanOrEqual(2_550);
  });

  it('sees a sender that does not care', () => {
    const r = analyse(
      watch(() => 1_500_000),
      5_000,
      15_000,
    );
    expect(r.fitMs).toBe(Number.POSITIVE_INFINITY);
    expect(r.queueMs).toBeGreaterThan(380);
    expect(r.longShare).toBeGreaterThan(0.9);
    expect(r.drops).toBeGreaterThan(100);
  });

  it('sees a sender that does not come back', () => {
    const r = analyse(
      watch((at) => (at < 5_000 ? 1_500_000 : 700_000)),
      5_000,
      15_000,
    );
    expect(r.fitMs).toBeLessThanOrEqual(EVERY_MS);
    expect(r.backMs).toBe(Number.POSITIVE_INFINITY);
  });
});
