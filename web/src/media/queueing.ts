// The queues on a way, from clocks that nobody has set: by how much longer something is on its way than the soonest lately. Pure.

const WINDOW = 10_000; // ms; in it something has met no queue, and clocks have not drifted apart
const LATEST = 3; // samples; the soonest of them, as one may have been held up by a machine
const CERTAIN = 80_000; // µs; of such a delay two are enough ...
const FALLING = 25_000; // µs; ... unless it falls as what a machine held up does, and was sent one after the other

/** Microseconds between two clocks, modulo 2^32. */
const ahead = (a: number, b: number): number => (a - b) | 0;

export class QueueingDelay {
  /** ms; NaN before the first sample. */
  value = Number.NaN;
  #latest: number[] = [];
  // The soonest of this half of the window and of the one before.
  #soonest: number | null = null;
  #before: number | null = null;
  #since = 0;

  /** `sent` and `arrived` are two clocks, µs modulo 2^32. */
  add(sent: number, arrived: number, now: number): void {
    const took = (arrived - sent) >>> 0;
    if (this.#soonest === null) this.#since = now;
    if (now - this.#since > WINDOW / 2) {
      this.#before = this.#soonest;
      this.#soonest = null;
      this.#since = now;
    }
    if (this.#soonest === null || ahead(took, this.#soonest) < 0) this.#soonest = took;
    const { base } = this;
    this.#latest.push(took);
    if (this.#latest.length > LATEST) this.#latest.shift();
    const delays = this.#latest.map((t) => ahead(t, base));
    const [before = 0, latest = 0] = delays.slice(-2);
    const certain = Math.min(before, latest) > CERTAIN && latest > before - FALLING;
    this.value = Math.max(0, certain ? Math.min(before, latest) : Math.min(...delays)) / 1000;
  }

  get base(): number {
    const now = this.#soonest as number;
    return this.#before !== null && ahead(this.#before, now) < 0 ? this.#before : now;
  }

  /** The way is another. */
  restart(): void {
    this.value = Number.NaN;
    this.#latest = [];
    this.#soonest = null;
    this.#before = null;
  }
}
