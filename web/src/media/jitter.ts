// Estimates of how late things arrive. All times in milliseconds.

const OUTLIER_MS = 250; // later than this is an outage, which no playout delay is meant to cover
const ANEW = 50; // as many outliers in a row, alike: the clock itself has moved
const LEAST = 75; // that count; with fewer a single handover would weigh

/**
 * How much later than the quickest of its kind something arrives. An offset is arrival time minus media time; its unknown constant cancels
 * out. The last `size` offsets count, so that after a change of the way the old ones are forgotten; at the beginning the last half of them, because nothing is as
 * late as what comes while a machine is busy with its start.
 */
export class ArrivalJitter {
  readonly #ring: Float64Array;
  readonly #sorted: number[] = [];
  #n = 0;
  #oldest = 0; // that counts, of #n
  #outliers = 0;
  #outlier = 0; // the first of them

  constructor(size: number) {
    this.#ring = new Float64Array(size);
  }

  add(offset: number): void {
    if (this.#n > 0 && Math.abs(offset - this.base) > OUTLIER_MS) {
      // In the burst after an outage each is less late than the one before.
      if (this.#outliers === 0 || Math.abs(offset - this.#outlier) > OUTLIER_MS) {
        this.#outlier = offset;
        this.#outliers = 0;
      }
      if (++this.#outliers < ANEW) return;
      this.#n = 0;
      this.#oldest = 0;
      this.#sorted.length = 0;
    }
    this.#outliers = 0;
    const { length } = this.#ring;
    const count = Math.min(length, Math.max(LEAST, this.#n >> 1));
    for (; this.#n - this.#oldest >= count; this.#oldest++)
      this.#sorted.splice(lowerBound(this.#sorted, this.#ring[this.#oldest % length] as number), 1);
    this.#ring[this.#n % length] = offset;
    this.#n++;
    this.#sorted.splice(lowerBound(this.#sorted, offset), 0, offset);
  }

  /** Offset of the quickest; Infinity before the first. */
  get base(): number {
    return this.#sorted[0] ?? Number.POSITIVE_INFINITY;
  }

  /** 95 of 100 arrive within this time after the quickest. */
  get p95(): number {
    const i = Math.floor(0.95 * (this.#sorted.length - 1));
    return (this.#sorted[i] ?? 0) - (this.#sorted[0] ?? 0);
  }
}

function lowerBound(sorted: number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((sorted[mid] as number) < value) low = mid + 1;
    else high = mid;
  }
  return low;
}

/** Interarrival jitter as RFC 3550, section 6.4.1, defines it. */
export class InterarrivalJitter {
  #transit: number | null = null;
  #jitter = 0;

  /** Both in ms; the result is in ms too. */
  add(arrival: number, media: number): void {
    const transit = arrival - media;
    if (this.#transit !== null) {
      this.#jitter += (Math.abs(transit - this.#transit) - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  get value(): number {
    return this.#jitter;
  }
}

/** Counts what arrived by sequence number (RFC 3550, appendix A.3), with numbers that are already unwrapped. */
export class Reception {
  received = 0;
  highest = 0;
  #first = Number.NaN; // of those that count
  #counted = 0; // received of them
  #lost = 0; // before them
  #state: 'counts' | 'paused' | 'resumes' = 'counts';

  add(seq: number): void {
    this.highest = this.received === 0 ? seq : Math.max(this.highest, seq);
    this.received++;
    if (this.#state === 'paused') return;
    if (this.#state === 'resumes') this.restart(seq, 0);
    this.#first = Number.isNaN(this.#first) ? seq : Math.min(this.#first, seq);
    this.#counted++;
  }

  /** Nothing is meant to come any more: what is missing from here on is not lost. */
  pause(): void {
    this.#lost = this.lost;
    this.#state = 'paused';
  }

  /** The next packet is the first that is meant to come again. */
  resume(): void {
    if (this.#state === 'paused') this.#state = 'resumes';
  }

  /** Counts from the number `first` on, of which and after which `received` have come already. */
  restart(first: number, received: number): void {
    this.#lost = this.lost;
    this.#state = 'counts';
    this.#first = first;
    this.#counted = received;
  }

  /** Packets that should have come and did not, so far. */
  get lost(): number {
    if (this.#state !== 'counts' || Number.isNaN(this.#first)) return this.#lost;
    return this.#lost + Math.max(0, this.highest - this.#first + 1 - this.#counted);
  }
}
