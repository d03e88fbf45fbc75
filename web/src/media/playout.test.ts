import { describe, expect, it } from 'vitest';
import { limit, Playout, RATE } from './playout.ts';
import { Blocker, Resampler } from './resample.ts';

const CHUNK = 960;
const QUANTUM = 128;
const MS = RATE / 1000;

interface Packet {
  n: number; // its number: media time n * 20 ms
  at: number; // arrival, ms
}

const on = (n: number, lateMs = 0): Packet => ({ n, at: n * 20 + 20 + lateMs });
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

function sine(frequency: number): (n: number) => Float32Array {
  return (n) =>
    Float32Array.from(
      { length: CHUNK },
      (_, i) => 0.5 * Math.sin((2 * Math.PI * frequency * (n * CHUNK + i)) / RATE),
    );
}

/** Plays for `ms` what arrives, and returns every sample. */
function play(
  packets: Packet[],
  ms: number,
  o: { sound?: (n: number) => Float32Array; playout?: Playout } = {},
) {
  const { sound = sine(440), playout = new Playout() } = o;
  const queue = [...packets].sort((a, b) => a.at - b.at);
  const out = new Float32Array(Math.ceil((ms * MS) / QUANTUM) * QUANTUM);
  const delays: number[] = [];
  for (let now = 0; now < out.length; now += QUANTUM) {
    while (queue[0] && queue[0].at * MS <= now) {
      const { n } = queue.shift() as Packet;
      playout.push(n * CHUNK, sound(n), now);
    }
    const part = new Float32Array(QUANTUM);
    playout.pull(part, now);
    out.set(part, now);
    delays.push((now + QUANTUM - playout.report(now + QUANTUM).position) / MS);
  }
  return { out, playout, delays, concealedMs: playout.concealed / MS };
}

/** The largest step of the wave and the largest change of its slope: a click is a jump in either. */
function steps(out: Float32Array): { step: number; bend: number } {
  let step = 0;
  let bend = 0;
  for (let i = 2; i < out.length; i++) {
    const [a, b, c] = [out[i - 2], out[i - 1], out[i]] as [number, number, number];
    step = Math.max(step, Math.abs(c - b));
    bend = Math.max(bend, Math.abs(c - 2 * b + a));
  }
  return { step, bend };
}

const SLOPE = (0.5 * 2 * Math.PI * 440) / RATE; // of the sine itself, per sample

function rms(out: Float32Array, fromMs: number, toMs: number): number {
  const part = out.subarray(fromMs * MS, toMs * MS);
  return Math.sqrt(part.reduce((sum, v) => sum + v * v, 0) / part.length);
}

describe('Playout', () => {
  it('plays a steady stream as it is, 20 ms after it came', () => {
    const { out, concealedMs, delays } = play(
      numbers(100).map((n) => on(n)),
      2000,
    );
    expect(concealedMs).toBe(0);
    expect(rms(out, 200, 1900)).toBeCloseTo(0.5 / Math.SQRT2, 2);
    const { step } = steps(out);
    expect(step).toBeLessThan(1.05 * SLOPE);
    const late = delays.slice(50, 600);
    expect(Math.max(...late) - 20).toBeLessThan(32); // the chunk's own 20 ms are in it
    expect(Math.min(...late) - 20).toBeGreaterThan(20 - 3 * (QUANTUM / MS)); // counted at the quantum's begin
  });

  it('plays nothing before its time, and silence is not concealed', () => {
    const { out, concealedMs } = play([], 500);
    expect(out.every((v) => v === 0)).toBe(true);
    expect(concealedMs).toBe(0);
  });

  it.each([1, 2, 3, 6])('conceals %d lost chunks without a click and counts them', (lost) => {
    for (const frequency of [180, 440, 997]) {
      const packets = numbers(100)
        .filter((n) => n < 50 || n >= 50 + lost)
        .map((n) => on(n));
      const { out, concealedMs } = play(packets, 1900, { sound: sine(frequency) });
      const slope = (0.5 * 2 * Math.PI * frequency) / RATE;
      const { step, bend } = steps(out);
      expect(step).toBeLessThan(2 * slope + 0.005);
      expect(bend).toBeLessThan(0.03);
      expect(Math.abs(concealedMs - 20 * lost)).toBeLessThan(6);
    }
  });

  it('makes up what sounds the same, then fades', () => {
    const { out } = play(
      numbers(50).map((n) => on(n)),
      1400,
    );
    const end = 50 * 20 + 40; // of what came, as played
    expect(rms(out, end + 2, end + 18)).toBeGreaterThan(0.25);
    expect(rms(out, end + 130, end + 200)).toBe(0);
  });

  it('rides through a change of network: a hole, then a burst', () => {
    // 100 ms of datagrams are lost, then the new network is 30 ms longer.
    const packets = numbers(200).flatMap((n) => (n < 100 ? [on(n)] : n < 105 ? [] : [on(n, 30)]));
    const { out, concealedMs } = play(packets, 3900);
    expect(steps(out).step).toBeLessThan(2 * SLOPE + 0.005);
    expect(concealedMs).toBeGreaterThan(90);
    expect(concealedMs).toBeLessThan(145);
    expect(rms(out, 3000, 3800)).toBeCloseTo(0.5 / Math.SQRT2, 1);
  });

  it('follows the jitter and returns when it is gone', () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed / 0x7fffffff;
    };
    const packets = numbers(2500).map((n) => on(n, n < 1200 ? 80 * random() : 0));
    const { out, delays, playout, concealedMs } = play(packets, 49_000);
    const delay = (fromMs: number, toMs: number) => {
      const part = delays.slice((fromMs * MS) / QUANTUM, (toMs * MS) / QUANTUM);
      return part.reduce((a, b) => a + b, 0) / part.length;
    };
    expect(delay(20_000, 23_000)).toBeGreaterThan(80);
    expect(delay(20_000, 23_000)).toBeLessThan(125);
    expect(delay(45_000, 48_000)).toBeLessThan(60);
    expect(playout.report(0).targetMs).toBe(20);
    expect(concealedMs).toBeLessThan(1500); // 95 of 100 are in time, and the start knows nothing yet
    expect(steps(out).step).toBeLessThan(2 * SLOPE + 0.005);
  });

  it('does not replay what is stale after a long silence', () => {
    // Two seconds of nothing, then everything at once, then live.
    const packets = numbers(700).map((n) => (n < 500 || n >= 600 ? on(n) : { n, at: 600 * 20 + 20 }));
    const { delays, concealedMs, out } = play(packets, 13_900);
    const after = delays.slice((12_500 * MS) / QUANTUM, (13_800 * MS) / QUANTUM);
    expect(Math.max(...after)).toBeLessThan(90);
    expect(concealedMs).toBeGreaterThan(1900);
    expect(steps(out).step).toBeLessThan(2 * SLOPE + 0.005);
  });

  it('plays on when the clock of the sender stood still', () => {
    // Four seconds of nothing, then it goes on where it was, as after a suspended machine.
    const packets = numbers(800).map((n) => on(n, n < 400 ? 0 : 4000));
    const { out, concealedMs, delays } = play(packets, 19_900);
    expect(rms(out, 12_500, 19_500)).toBeGreaterThan(0.3);
    expect(concealedMs).toBeLessThan(4500);
    expect(Math.max(...delays.slice((16_000 * MS) / QUANTUM)) - 4000).toBeLessThan(120);
    expect(steps(out).step).toBeLessThan(2 * SLOPE + 0.005);
  });

  it('puts chunks that overtook each other in order and drops doubles', () => {
    const packets = numbers(100).map((n) => on(n, n > 20 && n % 2 === 0 ? 25 : 0));
    const { concealedMs, playout } = play([...packets, ...packets], 1900);
    expect(concealedMs).toBeLessThan(40);
    expect(playout.push(0, new Float32Array(CHUNK), 90_000)).toBe(false);
  });

  it('does not count what a muted sender does not send', () => {
    const playout = new Playout();
    playout.muted = true;
    const { concealedMs } = play(
      numbers(10).map((n) => on(n)),
      2000,
      { playout },
    );
    expect(concealedMs).toBe(0);
  });

  it('absorbs a card that is slower or faster than the sender', () => {
    for (const drift of [-0.0003, 0.0003]) {
      const packets = numbers(3000).map((n) => ({ n, at: n * 20 * (1 + drift) + 20 }));
      const { delays, concealedMs, out } = play(packets, 55_000, { sound: sine(220) });
      const late = delays.slice((10_000 * MS) / QUANTUM, (54_000 * MS) / QUANTUM);
      expect(concealedMs).toBeLessThan(30);
      // Against the sender's clock, which the delay is not, the drift adds up.
      const expected = (ms: number) => ms * drift;
      late.forEach((d, i) => {
        const ms = 10_000 + (i * QUANTUM) / MS;
        expect(Math.abs(d - 45 - expected(ms))).toBeLessThan(60);
      });
      expect(steps(out).step).toBeLessThan(2 * SLOPE + 0.005);
    }
  });
});

it('limit keeps a sum within bounds and leaves quiet sound alone', () => {
  const x = Float32Array.of(0.5, -0.8, 1, -3, 100);
  limit(x);
  expect(x[0]).toBe(0.5);
  expect(x[1]).toBeCloseTo(-0.8);
  for (const v of x) expect(Math.abs(v)).toBeLessThanOrEqual(1);
});

describe('Resampler', () => {
  it.each([44_100, 16_000, 96_000])('brings %d Hz to 48 kHz in pieces', (rate) => {
    const resampler = new Resampler(rate, RATE);
    const out: number[] = [];
    for (let at = 0; at < rate; at += 128) {
      const piece = Float32Array.from({ length: 128 }, (_, i) =>
        Math.sin((2 * Math.PI * 440 * (at + i)) / rate),
      );
      out.push(...resampler.push(piece));
    }
    expect(Math.abs(out.length - RATE)).toBeLessThan(400);
    const shift = (2 * RATE) / rate; // the filter's own delay
    for (let i = 100; i < 40_000; i += 7) {
      expect(out[i]).toBeCloseTo(Math.sin((2 * Math.PI * 440 * (i - shift)) / RATE), 1);
    }
  });

  it('leaves 48 kHz alone', () => {
    const x = Float32Array.of(1, 2, 3);
    expect(new Resampler(RATE, RATE).push(x)).toBe(x);
  });
});

it('Blocker cuts into blocks of one length', () => {
  const blocks: number[][] = [];
  const b = new Blocker(4);
  b.push(Float32Array.of(1, 2, 3), (x) => blocks.push([...x]));
  b.push(Float32Array.of(4, 5, 6, 7, 8, 9), (x) => blocks.push([...x]));
  expect(blocks).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
});
