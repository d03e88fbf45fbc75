// Period search and overlaps for speech, the tools of concealment and time stretching. Lengths in samples at 48 kHz.

const MIN_LAG = 120; // 400 Hz
const MAX_LAG = 720; // 67 Hz
const WINDOW = 240; // 5 ms
const STEP = 2; // the search looks at every other sample: half the bandwidth is plenty to find a period

/** Samples that a search needs. */
export const SEARCH_LENGTH = MAX_LAG + WINDOW;
export const OVERLAP = WINDOW;

export interface Period {
  lag: number;
  /** Normalised correlation, -1..1; 1 is a perfect repetition. Silence counts as 1. */
  match: number;
}

/** The lag at which x, from `at`, repeats itself best. x needs SEARCH_LENGTH samples from there. */
export function findPeriod(x: Float32Array, at: number): Period {
  let energy = 1e-9;
  for (let i = 0; i < WINDOW; i += STEP) energy += (x[at + i] as number) ** 2;
  if (energy < 1e-5) return { lag: 2 * WINDOW, match: 1 }; // silence: any cut is as good
  let best: Period = { lag: MIN_LAG, match: -1 };
  for (let lag = MIN_LAG; lag < MAX_LAG; lag += STEP) {
    const match = correlation(x, at, lag, energy, STEP);
    if (match > best.match) best = { lag, match };
  }
  for (const lag of [best.lag - 1, best.lag + 1]) {
    if (lag < MIN_LAG) continue;
    const match = correlation(x, at, lag, energy, STEP);
    if (match > best.match) best = { lag, match };
  }
  return best;
}

function correlation(x: Float32Array, at: number, lag: number, energy: number, step: number): number {
  let dot = 0;
  let other = 1e-9;
  for (let i = 0; i < WINDOW; i += step) {
    const b = x[at + lag + i] as number;
    dot += (x[at + i] as number) * b;
    other += b * b;
  }
  return dot / Math.sqrt(energy * other);
}

/** Weight of what comes in, rising from nearly 0 to nearly 1 over n samples. */
export function ramp(i: number, n: number): number {
  return (i + 0.5) / n;
}

/** The last samples of what was played. */
export class History {
  readonly #samples: Float32Array;

  constructor(length: number) {
    this.#samples = new Float32Array(length);
  }

  push(x: Float32Array): void {
    const s = this.#samples;
    if (x.length >= s.length) {
      s.set(x.subarray(x.length - s.length));
      return;
    }
    s.copyWithin(0, x.length);
    s.set(x, s.length - x.length);
  }

  get samples(): Float32Array {
    return this.#samples;
  }
}

const HOLD = 960; // 20 ms at full level
const FADE = 4800; // silent after another 100 ms
const SEAM = 96; // 2 ms

/** History that a concealment needs. */
export const CONCEAL_HISTORY = 2 * MAX_LAG + WINDOW + SEAM;

/** Makes up sound where there is none: repeats the last period of what was played, ever softer. */
export class Concealment {
  readonly #loop: Float32Array;
  readonly #jump: number; // from the last sample that was played to where the loop would have come from
  #n = 0;

  constructor(history: Float32Array) {
    const end = history.length;
    // Backwards search: how far before the end does what was played just now occur already.
    const reversed = history.slice(end - SEARCH_LENGTH).reverse();
    const { lag } = findPeriod(reversed, 0);
    this.#loop = history.slice(end - lag);
    for (let i = 0; i < SEAM; i++) {
      // The end of the loop turns into what preceded its beginning, so that it can go round.
      const at = lag - SEAM + i;
      const w = ramp(i, SEAM);
      this.#loop[at] = (this.#loop[at] as number) * (1 - w) + (history[end - 2 * lag + at] as number) * w;
    }
    this.#jump = (history[end - 1] as number) - (history[end - lag - 1] as number);
  }

  /** Samples made up so far. */
  get made(): number {
    return this.#n;
  }

  get silent(): boolean {
    return this.#n >= HOLD + FADE;
  }

  /** Fills out with the next samples. */
  fill(out: Float32Array): void {
    for (let i = 0; i < out.length; i++, this.#n++) {
      const n = this.#n;
      const gain = n < HOLD ? 1 : Math.max(0, 1 - (n - HOLD) / FADE);
      const seam = n < SEAM ? this.#jump * (1 - n / SEAM) : 0;
      out[i] = gain * ((this.#loop[n % this.#loop.length] as number) + seam);
    }
  }
}
