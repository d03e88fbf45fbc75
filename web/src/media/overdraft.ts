// What an encoder gave out beyond the bit rate that it was given: there are pictures that it cannot make as small as that. Pure.

const MOST = 2_000; // ms of its bit rate; more is not owed
const KEY_MOST = 200; // for a key frame, which is large and rare
const HELD = 250; // from which on frames are left out
const PAID = 100; // below which it is over

export class Overdraft {
  /** More is given out than is paid for, for a while now. */
  overdrawn = false;
  #owed = 0; // ms
  #bitrate = 0;
  #at = 0;

  /** A frame was given out. */
  spend(bytes: number, key: boolean): void {
    if (this.#bitrate <= 0) return;
    const ms = (8000 * bytes) / this.#bitrate;
    this.#owed = Math.min(MOST, this.#owed + (key ? Math.min(KEY_MOST, ms) : ms));
  }

  /** Whether the next frame has to be left out. What is given out from now on is paid for at this bit rate. */
  holds(bitrate: number, now: number): boolean {
    this.#owed = Math.max(0, this.#owed - (now - this.#at));
    this.#at = now;
    this.#bitrate = bitrate;
    this.overdrawn = this.#owed > (this.overdrawn ? PAID : HELD);
    return this.#owed > HELD;
  }

  /** What comes has nothing to do with what was. */
  clear(): void {
    this.#owed = 0;
    this.overdrawn = false;
  }
}
