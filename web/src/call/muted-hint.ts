// When to tell somebody who speaks that they are muted. Pure.

const LOUD = 0.45; // as for who speaks (state.ts)
/** Of the levels that come ten times a second, so many of the last WINDOW have to be loud. */
const ENOUGH = 7;
const WINDOW = 12;
/** It is not said again before. */
const REST_MS = 30_000;

export class MutedHint {
  #recent: boolean[] = [];
  #saidAt = Number.NEGATIVE_INFINITY;

  /** Takes the loudness of what the microphone picks up while muted, 0..1, and tells whether to say it now. */
  heard(level: number, now: number): boolean {
    this.#recent.push(level > LOUD);
    if (this.#recent.length > WINDOW) this.#recent.shift();
    const loud = this.#recent.filter(Boolean).length;
    if (loud < ENOUGH || now - this.#saidAt < REST_MS) return false;
    this.#saidAt = now;
    this.#recent = [];
    return true;
  }
}
