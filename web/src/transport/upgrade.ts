// Back to UDP. A call goes over TCP where UDP does not pass, but also where UDP only did not pass when the call was resumed. So whether it passes now is
// tried again and again, less and less often: where it never does, that costs next to nothing.

import { sleep } from './waiting.ts';

const PAUSES_MS = [1_000, 5_000, 20_000, 60_000];
/** A call that was back for less goes on with its pauses: it would otherwise go to and fro where UDP passes only now and then. */
const BACK_FOR_GOOD_MS = 60_000;

export class Upgrade {
  readonly #attempt: (stopped: AbortSignal) => Promise<unknown>;
  #abort: AbortController | null = null;
  #tries = 0;
  #backAt = Number.NEGATIVE_INFINITY;

  /** `attempt` tries once. It does not go through with it if it is stopped meanwhile. */
  constructor(attempt: (stopped: AbortSignal) => Promise<unknown>) {
    this.#attempt = attempt;
  }

  /** Begins to try, unless it has begun. */
  start(): void {
    if (this.#abort) return;
    if (performance.now() - this.#backAt > BACK_FOR_GOOD_MS) this.#tries = 0;
    this.#abort = new AbortController();
    void this.#run(this.#abort.signal);
  }

  stop(): void {
    if (!this.#abort) return;
    this.#abort.abort();
    this.#abort = null;
    this.#backAt = performance.now();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(PAUSES_MS[Math.min(this.#tries, PAUSES_MS.length - 1)] as number, signal);
      if (signal.aborted) return;
      this.#tries++;
      await this.#attempt(signal).catch(() => undefined);
    }
  }
}
