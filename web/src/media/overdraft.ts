// What an encoder gave out beyond the bit rate that it was given: there are pictures that it cannot make as small as that. Pure.

const MOST = 2_000; // ms; who owes more begins anew
const HELD = 250; // ms from which on frames are left out: a key frame alone is less
const PAID = 100; // ms below which it is over

export class Overdraft {
  /** More is given out than is paid for, for a while now. */
  overdrawn = false;
  #bits = 0;
  #at = 0;

  /** A frame was given out. */
  spend(bytes: number): void {
    this.#bits += 8 * bytes;
  }

  /** Whether the next frame has to be left out, at this bit rate. */
  holds(bitrate: number, now: number): boolean {
    const earned = (bitrate * (now - this.#at)) / 1000;
    this.#at = now;
    this.#bits = Math.min((bitrate * MOST) / 1000, Math.max(0, this.#bits - earned));
    const ms = (1000 * this.#bits) / bitrate;
    this.overdrawn = ms > (this.overdrawn ? PAID : HELD);
    return ms > HELD;
  }
}
