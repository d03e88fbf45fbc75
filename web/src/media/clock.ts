// One clock for the page and the worker: milliseconds since the epoch, from the monotonic clock, so that both can compare their times.

export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Where the sound card is: which time of the audio context is heard when. */
export class CardClock {
  #contextTime = 0;
  #at = Number.NaN;

  set(contextTime: number, at: number): void {
    this.#contextTime = contextTime;
    this.#at = at;
  }

  /** When the sample at `contextTime` (s) is heard, in ms of `now`; NaN while no sound runs. */
  heardAt(contextTime: number): number {
    return this.#at + (contextTime - this.#contextTime) * 1000;
  }
}
