// One video out of several encodings of it. A server sends one at a time and goes over to another at a key frame, so that one is active: its frames are decoded, and
// only for it key frames are asked. All share the axis of media time, which tells what is new: packets of two encodings overtake each other.
//
// Pure: the clock is an argument, and `next` is to be called again when `wakeAt` has come.

import { type EncodedFrame, IncomingEncoding } from './incoming-encoding.ts';

// An encoding that is this far ahead of what is decoded is the one that is being sent, although it has not begun with a new key frame:
const AHEAD = 100; // ms, if it can go on at once, from a key frame of the past
const AHEAD_WITHOUT_KEY = 500; // ms, if one must be asked for
// A large key frame takes its time, and a small frame of the same picture is decoded before it. So may be a few that follow.
const OVERLAP = 100; // ms
const LEFT = 1_000; // ms after which an encoding that was left may come back like any other; before, its key frame may have been on its way all the time

export class EncodingSwitch<F extends EncodedFrame> {
  #encodings = new Map<number, IncomingEncoding<F>>();
  #active: IncomingEncoding<F> | null = null;
  #newest = Number.NEGATIVE_INFINITY; // media time of what was passed on last
  #left: IncomingEncoding<F> | null = null;
  #leftAt = 0; // in media time

  /** The encodings that there are, by their identifiers; what is known of those that stay is kept. */
  set(ids: readonly number[]): void {
    for (const [id, encoding] of this.#encodings) {
      if (ids.includes(id)) continue;
      this.#encodings.delete(id);
      if (encoding !== this.#active) continue;
      this.#active = null;
      this.#newest = Number.NEGATIVE_INFINITY;
    }
    for (const id of ids) {
      if (!this.#encodings.has(id)) this.#encodings.set(id, new IncomingEncoding());
    }
  }

  get(id: number): IncomingEncoding<F> | undefined {
    return this.#encodings.get(id);
  }

  entries(): IterableIterator<[number, IncomingEncoding<F>]> {
    return this.#encodings.entries();
  }

  all(): IterableIterator<IncomingEncoding<F>> {
    return this.#encodings.values();
  }

  get active(): IncomingEncoding<F> | null {
    return this.#active;
  }

  /** Nothing can be decoded until a key frame comes. */
  get needKey(): boolean {
    return this.#active?.order.needKey ?? true;
  }

  /** When `next` may have something without another frame; Infinity if not. */
  get wakeAt(): number {
    return this.#active?.order.wakeAt ?? Number.POSITIVE_INFINITY;
  }

  /** The decoder failed: start over at a key frame. */
  reset(): void {
    this.#active?.order.reset();
  }

  /** What is missing of the base layers does not come. */
  cut(): void {
    for (const { order } of this.#encodings.values()) order.cut();
  }

  /** The frames that can be decoded now, in order; with those of another encoding from its key frame on. */
  next(now: number): F[] {
    const out = this.#following(now);
    for (;;) {
      const successor = this.#successor();
      if (!successor) return out;
      this.#active?.leave();
      this.#left = this.#active;
      this.#leftAt = this.#newest;
      this.#active = successor;
      successor.enter();
      out.push(...this.#following(now));
    }
  }

  #following(now: number): F[] {
    const frames = this.#active?.order.next(now) ?? [];
    this.#newest = frames.at(-1)?.media ?? this.#newest;
    return frames;
  }

  /** The encoding that goes on instead of the active one: of two the newer, for what is before it would only be shown late. */
  #successor(): IncomingEncoding<F> | null {
    let successor: IncomingEncoding<F> | null = null;
    for (const encoding of this.#encodings.values()) {
      if (encoding === this.#active || !this.#goesOn(encoding)) continue;
      if (!successor || encoding.newest > successor.newest) successor = encoding;
    }
    return successor;
  }

  #goesOn(encoding: IncomingEncoding<F>): boolean {
    const { order, newest } = encoding;
    if (!order.key) return this.#active !== null && newest - this.#newest > AHEAD_WITHOUT_KEY;
    const justLeft = encoding === this.#left && this.#newest - this.#leftAt < LEFT;
    const overlaps = !justLeft && newest >= this.#newest && order.key.media > this.#newest - OVERLAP;
    return order.key.media > this.#newest || overlaps || newest - this.#newest > AHEAD;
  }
}
