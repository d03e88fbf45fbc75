// When to tell somebody who speaks that they are muted. Pure.

const LOUD = 0.45; // as for who speaks (state.ts)
/** One level in this time counts, however often it is told: levels come ten times a second, and other news repeats the last one. */
const EVERY_MS = 100;
/** Of the levels that count, so many of the last WINDOW have to be loud. */
const ENOUGH = 7;
const WINDOW = 12;
/** It is not said again before. */
const REST_MS = 30_000;

export class MutedHint {
  #recent: boolean[] = [];
  #turn = Number.NEGATIVE_INFINITY; // of the last level that counted, in EVERY_MS
  #saidAt = Number.NEGATIVE_INFINITY;

  /** Takes the loudness of what the microphone picks up while muted, 0..1, and tells whether to say it now. */
  heard(level: number, now: number): boolean {
    const turn = Math.floor(now / EVERY_MS);
    if (turn === this.#turn) return false;
    this.#turn = turn;
    this.#recent.push(level > LOUD);
    if (this.#recent.length > WINDOW) this.#recent.shift();
    const loud = this.#recent.filter(Boolean).length;
    if (loud < ENOUGH || now - this.#saidAt < REST_MS) return false;
    this.#saidAt = now;
    this.#recent = [];
    return true;
  }
}
