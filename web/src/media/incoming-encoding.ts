// What is kept of each encoding of a video that is received: an encoding has sequence numbers, marking and, where it is encrypted, a key of its own.

import { Unwrapper } from '../protocol/unwrap.ts';
import { Reception } from './jitter.ts';
import { FrameOrder, type OrderFrame } from './order.ts';
import type { Opener } from './sealing.ts';

const REMEMBER = 1024; // sequence numbers, to tell what has come before
const LONG_MS = 60_000; // without a packet: numbers may have gone round meanwhile

export interface EncodedFrame extends OrderFrame {
  media: number; // ms, on an axis that all encodings share
}

export class IncomingEncoding<F extends EncodedFrame> {
  readonly reception = new Reception();
  opener: Opener | null = null;
  /** Newest media time that has come, ms. */
  newest = Number.NEGATIVE_INFINITY;
  #order = new FrameOrder<F>();
  #sequence = new Unwrapper(16);
  #seen = new Set<number>();
  #cameAt = Number.NEGATIVE_INFINITY;

  constructor() {
    this.reception.pause(); // until it is entered
  }

  get order(): FrameOrder<F> {
    return this.#order;
  }

  /** The number of a packet, unwrapped. */
  number(sequence: number, at: number): number {
    const onward = at - this.#cameAt > LONG_MS;
    this.#cameAt = at;
    return this.#sequence.unwrap(sequence, onward);
  }

  /** Counts a packet. False: it has come before. */
  count(seq: number): boolean {
    if (this.#seen.has(seq)) return false;
    this.#seen.add(seq);
    if (this.#seen.size > REMEMBER) this.#seen.delete(this.#seen.values().next().value as number);
    this.reception.add(seq);
    return true;
  }

  push(frame: F): void {
    this.newest = Math.max(this.newest, frame.media);
    this.#order.push(frame);
  }

  /** Another encoding goes on. If this one ever does again it starts over at a key frame, which may be one that has come before. */
  leave(): void {
    this.reception.pause();
    this.#order = new FrameOrder();
    this.#seen.clear();
    this.newest = Number.NEGATIVE_INFINITY;
  }

  /** This one goes on, with the key frame that waits if there is one: what is missing before it was not sent. */
  enter(): void {
    const first = this.#order.key?.seq ?? this.reception.highest;
    let received = 0;
    for (const seq of this.#seen) if (seq >= first) received++;
    this.reception.restart(first, received);
  }
}
