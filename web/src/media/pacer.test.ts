import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bytes } from '../protocol/varint.ts';
import type { OutStream } from '../transport/transport.ts';
import { Pacer } from './pacer.ts';

const RATE = 1_000_000; // bit/s
const START = 5_000;

interface Written {
  at: number; // ms after the start
  bytes: number;
}

class FakeStream implements OutStream {
  backlog = 0;
  readonly broken = false;
  readonly written: Written[] = [];
  readonly content: number[] = [];
  finished = Number.NaN;

  write(bytes: Bytes): void {
    if (!Number.isNaN(this.finished)) throw new Error('written to a stream that has ended');
    this.written.push({ at: Date.now() - START, bytes: bytes.length });
    this.content.push(...bytes);
    if (this.taking) this.backlog++;
  }

  finish(): void {
    this.finished = Date.now() - START;
  }

  aborted = false;
  taking = false;

  abort(): void {
    this.aborted = true;
  }
}

const bytes = (n: number): Bytes => Uint8Array.from({ length: n }, (_, i) => i % 251);

/** The most that was sent beyond what the pace allows, ms of it. */
function ahead(written: Written[]): number {
  let most = 0;
  let sum = 0;
  for (const w of written) {
    sum += w.bytes;
    most = Math.max(most, (8000 * sum) / RATE - w.at);
  }
  return most;
}

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('Pacer', () => {
  it('sends at once while the way is not known to be narrow, and what is small in any case', () => {
    const wide = new Pacer(() => Number.POSITIVE_INFINITY);
    const out = new FakeStream();
    const done = vi.fn();
    wide.write(out, bytes(100_000), done);
    new Pacer(() => RATE).write(out, bytes(5_000), done); // 40 ms
    expect(out.written.map((w) => w.bytes)).toEqual([100_000, 5_000]);
    expect(done).toHaveBeenCalledTimes(2);
  });

  it('spreads out what is large, with all that comes after it, in order', () => {
    const pacer = new Pacer(() => RATE);
    const out = new FakeStream();
    const upper = new FakeStream();
    const order: string[] = [];
    const key = bytes(25_000); // 200 ms
    pacer.write(out, key, () => order.push('key'));
    for (const [to, name] of [
      [upper, 'upper'],
      [out, 'base'],
    ] as const)
      pacer.write(to, bytes(1_250), () => order.push(name));
    expect([pacer.waiting(out), pacer.waiting(upper)]).toEqual([2, 1]);
    vi.advanceTimersByTime(185);
    expect(order).toEqual([]);
    expect(out.content.length).toBeGreaterThan(22_000);
    vi.advanceTimersByTime(30);
    expect(order).toEqual(['key', 'upper', 'base']);
    expect(out.content).toEqual([...key, ...bytes(1_250)]);
    expect(ahead([...out.written, ...upper.written].sort((a, b) => a.at - b.at))).toBeLessThanOrEqual(20);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('takes no longer than half a second for one', () => {
    const pacer = new Pacer(() => 100_000);
    const out = new FakeStream();
    pacer.write(out, bytes(100_000), () => undefined);
    vi.advanceTimersByTime(501);
    expect(out.content.length).toBe(100_000);
  });

  it('ends a stream after what waits for it', () => {
    const pacer = new Pacer(() => RATE);
    const [first, second] = [new FakeStream(), new FakeStream()];
    pacer.finish(first);
    expect(first.finished).toBe(0);
    const out = new FakeStream();
    pacer.write(out, bytes(12_500), () => undefined);
    pacer.finish(out);
    pacer.write(second, bytes(12_500), () => undefined);
    expect(out.finished).toBeNaN();
    vi.advanceTimersByTime(300);
    expect([out.content.length, second.content.length]).toEqual([12_500, 12_500]);
    expect(out.finished).toBeGreaterThan(80);
    expect(second.finished).toBeNaN();
  });

  it('makes up for timers that are late', () => {
    const pacer = new Pacer(() => RATE);
    const out = new FakeStream();
    out.taking = true; // what is written waits until the task is over
    const inTime = setTimeout;
    vi.stubGlobal('setTimeout', (run: () => void, ms: number) =>
      inTime(() => {
        out.backlog = 0;
        run();
      }, ms + 40),
    );
    pacer.write(out, bytes(25_000), () => undefined);
    vi.advanceTimersByTime(260);
    expect(out.content.length).toBe(25_000);
    expect(ahead(out.written)).toBeLessThanOrEqual(20);
  });

  it('keeps what the transport has no room for', () => {
    const pacer = new Pacer(() => RATE);
    const out = new FakeStream();
    out.backlog = 2;
    pacer.write(out, bytes(12_500), () => undefined);
    vi.advanceTimersByTime(1_000);
    expect([
      out.content.length,
      pacer.waiting(out),
      pacer.age(performance.timeOrigin + performance.now()),
    ]).toEqual([0, 1, 1_000]);
    out.backlog = 0;
    vi.advanceTimersByTime(20);
    expect(out.content.length).toBeLessThanOrEqual(4 * 1_250); // it does not make up for the time
    vi.advanceTimersByTime(200);
    expect(out.content.length).toBe(12_500);
  });

  it('sends nothing more of what is dropped', () => {
    const pacer = new Pacer(() => RATE);
    const out = new FakeStream();
    const done = vi.fn();
    pacer.write(out, bytes(50_000), done);
    vi.advanceTimersByTime(50);
    const { length } = out.content;
    pacer.drop();
    vi.advanceTimersByTime(1_000);
    expect([out.content.length, done.mock.calls.length, vi.getTimerCount()]).toEqual([length, 0, 0]);
    expect(out.aborted).toBe(true);
  });
});
