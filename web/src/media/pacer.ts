// Spreads out what is sent of an encoding where the way up is narrow. A key frame that is written at once stands in the network's queue as a whole, and the sound,
// which overtakes everything before the network, waits behind it there. Written at the pace of the way it is there no later.
//
// The transport paces too (RFC 9002, section 7.7), but by its window, which takes a key frame for nothing. Timers only run while something waits.

import type { Bytes } from '../protocol/varint.ts';
import type { OutStream } from '../transport/transport.ts';
import { now } from './clock.ts';

const AT_ONCE_MS = 40; // of the pace; what takes longer is spread out
const SLICE_MS = 10;
const LEAST_SLICE = 1_200; // bytes, about a packet
const LONGEST_MS = 500; // for one write, whatever the pace

interface Write {
  out: OutStream;
  bytes: Bytes;
  written: number; // of bytes
  since: number; // ms
  /** Takes the end of the stream with it. */
  last: boolean;
  done(): void;
}

export class Pacer {
  readonly #rate: () => number;
  #writes: Write[] = [];
  #next = 0; // when the next slice is due
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** `rate` is in bits per second; Infinity: nothing is spread out. */
  constructor(rate: () => number) {
    this.#rate = rate;
  }

  /** Writes after everything before; `done` is called when the last of it is given to the stream. */
  write(out: OutStream, bytes: Bytes, done: () => void): void {
    if (this.#writes.length === 0 && msOf(bytes.length, this.#rate()) <= AT_ONCE_MS) {
      out.write(bytes);
      done();
      return;
    }
    const since = now();
    this.#writes.push({ out, bytes, written: 0, since, last: false, done });
    if (this.#timer === null) {
      this.#next = since;
      this.#run();
    }
  }

  /** Ends a stream after what waits for it. */
  finish(out: OutStream): void {
    const last = this.#writes.findLast((w) => w.out === out);
    if (last) last.last = true;
    else out.finish();
  }

  /** Writes that wait for a stream, in whole or in part. */
  waiting(out: OutStream): number {
    return this.#writes.reduce((n, w) => n + (w.out === out ? 1 : 0), 0);
  }

  /** For how long the oldest waits, ms. */
  age(at: number): number {
    const first = this.#writes[0];
    return first ? at - first.since : 0;
  }

  /** What waits is not sent, and its streams are aborted. */
  drop(): void {
    for (const { out } of this.#writes) out.abort();
    this.#writes = [];
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #run(): void {
    this.#timer = null;
    const at = now();
    // What the transport has no room for stays here, where it is a frame and can be dropped. What is written now is taken after this run at the earliest.
    if ((this.#writes[0]?.out.backlog ?? 0) > 1) this.#next = at + SLICE_MS;
    for (let w = this.#writes[0]; w && this.#next <= at; w = this.#writes[0]) {
      if (w.out.broken) this.#writes.shift();
      else this.#slice(w);
    }
    if (this.#writes.length > 0) this.#timer = setTimeout(() => this.#run(), Math.max(1, this.#next - at));
  }

  #slice(w: Write): void {
    const rate = Math.max(this.#rate(), (8000 * w.bytes.length) / LONGEST_MS);
    const size = Math.max(LEAST_SLICE, (SLICE_MS * rate) / 8000);
    const slice = w.bytes.subarray(w.written, Math.ceil(w.written + size));
    w.written += slice.length;
    this.#next += msOf(slice.length, rate);
    w.out.write(slice);
    if (w.written < w.bytes.length) return;
    this.#writes.shift();
    if (w.last) w.out.finish();
    w.done();
  }
}

function msOf(bytes: number, rate: number): number {
  return (8000 * bytes) / rate;
}
