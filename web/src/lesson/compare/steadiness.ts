// Whether this page itself stood still, because its machine was busy: all lanes stand still with it, and none of that is the network's. A timer tells.

const EVERY_MS = 20;
/** More than this is seen in a picture, and more than is usual where nothing happens. */
export const BUSY_MS = 100;

export class Steadiness {
  #longest = 0;
  #due = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begins anew. */
  start(): void {
    this.stop();
    this.#longest = 0;
    this.#due = performance.now() + EVERY_MS;
    this.#timer = setInterval(() => {
      const at = performance.now();
      this.#longest = Math.max(this.#longest, at - this.#due);
      this.#due = at + EVERY_MS;
    }, EVERY_MS);
  }

  /** The longest that the timer was late, ms. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#longest;
  }
}
