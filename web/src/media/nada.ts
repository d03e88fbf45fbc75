// How many bits per second a path takes: NADA (RFC 8698), the rate calculation at the sender, from what the receiver says. Pure.
//
// Other than in the RFC, because what is sent here is what an encoder gives out, and goes over a transport that repeats what is lost:
//   - An encoder is given 0.8 of the estimate, so that its peaks fit; the ramp-up is relative to what is received divided by that.
//   - A queue that is long shows what the path takes: what is received. The estimate goes there at once, where the RFC's steps would take seconds; and then not
//     again until what that did can have been seen.
//   - Who sends less than it may learns only that this much passes: the estimate is not raised beyond 1.5 times that, nor lowered for it. Who sends
//     sound alone when a queue comes has not caused it, a busy machine perhaps has: then the estimate goes to its half, not to what is received.
//   - Loss counts beyond 2 %, and up to a limit: it is repaired, and radio loses some whatever is sent. A queue that overflows is seen by its delay.

/** What an encoder may use of the estimate. */
export const USABLE = 0.8;

// Section 6.3 of the RFC, ms and fractions.
const XREF = 10;
const KAPPA = 0.5;
const ETA = 2;
const TAU = 500;
const DELTA = 100;
const LOGWIN = 500;
const QEPS = 10;
const DFILT = 120;
const GAMMA_MAX = 0.5;
const QBOUND = 50;
const QTH = 50;
const DLOSS = 10;
const NOMINAL = 2_000_000; // RMAX in the equations: what a call likes to send

const LOSS_FREE = 0.02;
const LOSS_STEP = 0.02;
const LOSS_MOST = 60; // ms that loss counts as, at most
const HEADROOM = 1.5;
const EFFECT = 400; // ms, beyond the round trip, until a lower rate shows
const STEEP = 0.5; // of the rate; what is received is so much less that it cannot wait
const IDLE = 150_000; // bits per second; who sends less sends sound alone
const RESTART = 0.5;
const RESTART_LEAST = 800_000; // with less a picture is not worth much, and the first replies will tell

export interface PathSample {
  /** Queueing delay on the way there, ms. */
  queueing: number;
  /** Of the packets of the last seconds, 0..1. */
  loss: number;
  /** What arrived lately, bits per second. */
  received: number;
  /** There and back, ms. */
  rtt: number;
}

export interface RateLimits {
  min: number;
  max: number;
  initial: number;
}

export class Nada {
  /** The estimate, bits per second. */
  rate: number;
  /** What is sent is less than the estimate allows, so that it is a lower bound. */
  limited = false;
  readonly #limits: RateLimits;
  #congestion = 0; // x_prev, ms
  #at = Number.NaN;
  #cutAt = Number.NEGATIVE_INFINITY; // when it was last lowered to what was received
  #troubledAt = Number.NEGATIVE_INFINITY; // when there last was a queue, or loss
  #idle = false; // before it

  constructor(limits: RateLimits) {
    this.#limits = limits;
    this.rate = limits.initial;
  }

  /** The path is another: half of what there was, and up from there within seconds. */
  restart(): void {
    this.rate = Math.min(this.rate, Math.max(RESTART_LEAST, this.#clip(this.rate * RESTART)));
    this.#congestion = 0;
    this.#at = Number.NaN;
    this.#cutAt = Number.NEGATIVE_INFINITY;
    this.#troubledAt = Number.NEGATIVE_INFINITY;
    this.#idle = false;
  }

  /** Takes what was measured; 10 to 20 times a second. */
  update(sample: PathSample, now: number): void {
    const delta = Number.isNaN(this.#at) ? DELTA : Math.min(2 * DELTA, now - this.#at);
    if (delta <= 0) return;
    this.#at = now;
    const loss = Math.max(0, sample.loss - LOSS_FREE);
    // Section 4.2: the congestion signal, as a delay.
    const congestion = sample.queueing + Math.min(LOSS_MOST, DLOSS * (loss / LOSS_STEP) ** 2);
    if (sample.queueing > QEPS || loss > 0) this.#troubledAt = now;
    this.limited = sample.received < 0.7 * USABLE * this.rate;
    const most = Math.max(this.rate, (HEADROOM * sample.received) / USABLE);
    let rate = this.rate;
    if (now - this.#troubledAt > LOGWIN) {
      // Equations 4 and 5: accelerated ramp-up.
      const gamma = Math.min(GAMMA_MAX, QBOUND / (sample.rtt + DELTA + DFILT));
      rate = Math.max(rate, ((1 + gamma) * sample.received) / USABLE);
      rate = Math.max(rate, this.#gradual(congestion, delta));
    } else {
      rate = this.#gradual(congestion, delta);
      if (sample.queueing > QTH) {
        rate = Math.min(rate, this.rate); // a queue that shrinks is a queue all the same
        const steep = !this.#idle && sample.received < STEEP * this.rate;
        const to = this.#idle ? Math.max(sample.received, this.rate / 2) : sample.received;
        if ((steep || now - this.#cutAt > sample.rtt + EFFECT) && to < rate) {
          rate = to;
          this.#cutAt = now;
        }
      }
    }
    if (sample.queueing <= QEPS) this.#idle = sample.received < IDLE;
    this.#congestion = congestion;
    this.rate = this.#clip(Math.min(rate, most));
  }

  /** Equations 6 to 8: towards the rate at which the congestion is what it should be. */
  #gradual(congestion: number, delta: number): number {
    const offset = congestion - (XREF * NOMINAL) / this.rate;
    const change = congestion - this.#congestion;
    return this.rate * (1 - KAPPA * (delta / TAU) * (offset / TAU) - KAPPA * ETA * (change / TAU));
  }

  #clip(rate: number): number {
    return Math.max(this.#limits.min, Math.min(this.#limits.max, rate));
  }
}
