import type { ConnectionSample } from '../protocol/messages.gen.ts';
import { parseTime } from './time.ts';

/** What is kept of a sample, one column each. */
export const columns = [
  'time', // ms, server clock
  'path',
  'rtt',
  'cwnd', // bytes
  'send', // bit/s, server to participant
  'recv',
  'lossDown', // 0..1
  'lossUp',
  'frameDown', // ms; 0: no video
  'frameUp',
  'concealedDown', // ms in this interval
  'concealedUp',
] as const;

export type Column = (typeof columns)[number];

const width = columns.length;
const index = Object.fromEntries(columns.map((c, i) => [c, i])) as Record<Column, number>;

/**
 * The samples of one connection, by column, the oldest overwritten: with a hundred connections an object per sample would keep the garbage
 * collector busier than the screen. It is the one thing in the store that changes in place; readers take `length` once and are content to
 * see newer samples than the state they came from.
 */
export class Series {
  length = 0;
  private data = new Float64Array(64 * width);
  private start = 0; // row of the oldest

  constructor(readonly capacity = 2000) {}

  /** The same samples, to go on from separately. */
  copy(): Series {
    const copied = new Series(this.capacity);
    copied.length = this.length;
    copied.data = this.data.slice();
    copied.start = this.start;
    return copied;
  }

  push(sample: ConnectionSample): void {
    const time = parseTime(sample.time);
    // A replayed or reordered sample would make the lines run backwards.
    if (!(time > this.last('time') || this.length === 0)) return;
    if (this.length === this.capacity) this.start = (this.start + 1) % this.capacity;
    else {
      this.grow();
      this.length++;
    }
    const row = (this.start + this.length - 1) % this.capacity;
    this.data.set(
      [
        time,
        sample.path,
        sample.metrics.rtt_ms,
        sample.metrics.congestion_window,
        sample.send_bps,
        sample.recv_bps,
        sample.loss_down,
        sample.loss_up,
        sample.frame_down_ms,
        sample.frame_up_ms,
        sample.concealed_down_ms,
        sample.concealed_up_ms,
      ],
      row * width,
    );
  }

  at(column: Column, i: number): number {
    return this.data[((this.start + i) % this.capacity) * width + index[column]] ?? Number.NaN;
  }

  last(column: Column): number {
    return this.length === 0 ? Number.NaN : this.at(column, this.length - 1);
  }

  /** The first sample at or after `time`; `length` if there is none. */
  from(time: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at('time', middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Doubles the space until it holds `capacity` rows; start is 0 while it grows. */
  private grow(): void {
    const rows = this.data.length / width;
    if (this.length < rows || rows >= this.capacity) return;
    const bigger = new Float64Array(Math.min(rows * 2, this.capacity) * width);
    bigger.set(this.data);
    this.data = bigger;
  }
}
