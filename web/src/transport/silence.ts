// For how long nothing was heard, and how long is too long. Pure.
//
// The server answers a report every 50 ms, so silence is suspect after max(120 ms, 3 report intervals, RTT + 4 × its deviation): 150 ms where all is
// well. That alone decides nothing: another session is opened, and the one in use goes on if it speaks before the other may join.
//
// It has to be so, because a change of address that QUIC survives is silent for as long. When a network is cut and another takes over, our next
// packet leaves within 50 ms (20 ms with sound), and the server's packets follow it after its path validation: two round trips, 140 ms at an RTT
// of 70 ms, so 160 to 190 ms of silence, and 210 to 240 ms where the first of those packets is lost. The opening of a session takes two round trips,
// too (QUIC with HTTP/3's settings, WebTransport), so it may be ready about when the one in use speaks, or before, if it began on the old network and
// its packets were the first to get through on the new one.
//
// So a session that is ready waits a little: it has just done a round trip over a network that works, and the opening tells how long that takes. What
// is suspect sends something every 20 ms (connection.ts), so what survives has sent within that time of the beginning of that round trip, and is heard
// two round trips after it has. What has not been heard 30 ms and one round trip after the other was ready is lost. That holds whatever
// networks there were before, and what makes a slow machine late makes the opening long.

const LEAST_MS = 120;
const INTERVALS = 3;
/** TCP repeats what was lost after 200 ms at the earliest (RFC 6298 says 1 s), and everything behind it waits. */
const TCP_LEAST_MS = 500;
/** While a session is suspect something is sent on it this often: a server that can hear it follows it to its new address. */
export const PROBE_MS = 20;
/** Added to a round trip that a session waits which is ready: the time between two of these, and what timers are late. */
const READY_MS = PROBE_MS + 10;
/** An opening that met losses took longer than its round trips; nobody waits longer for that than this. */
const WAIT_MOST_MS = 250;
/**
 * A timer that is late by more was kept waiting by the machine: what the network did meanwhile is not known. Less is usual while this worker encodes
 * and decodes, and to subtract that, too, would make it slow to notice at the wrong time.
 */
const LATE_MS = 60;
/** After a suspicion that was wrong the next takes twice as long, for 10 s. */
const CAUTION = 2;
const CAUTION_MS = 10_000;

/** Smoothed round-trip time and its deviation, ms (RFC 6298, section 2). */
export class RoundTrip {
  smoothed = 0;
  deviation = 0;

  sample(ms: number): void {
    if (this.smoothed === 0) {
      this.smoothed = ms;
      this.deviation = ms / 2;
      return;
    }
    this.deviation += (Math.abs(this.smoothed - ms) - this.deviation) / 4;
    this.smoothed += (ms - this.smoothed) / 8;
  }
}

export interface Listening {
  /** Between reports, ms. */
  interval: number;
  tcp: boolean;
}

export class Silence {
  #trip = new RoundTrip();
  #listening: Listening = { interval: 50, tcp: false };
  #heardAt = 0;
  #tickedAt = 0;
  #stalled = 0; // of the time since it was heard
  #caution = 1;
  #cautionAt = 0;

  /** Another session is in use. */
  begin(listening: Listening, now: number): void {
    this.#listening = listening;
    this.#trip = new RoundTrip();
    this.#caution = 1;
    this.heard(now);
  }

  measured(rttMs: number): void {
    this.#trip.sample(rttMs);
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#stalled = 0;
  }

  /** To be called every `period` ms; from when it is not, stalls are found. */
  tick(now: number, period: number): void {
    const late = now - Math.max(this.#tickedAt, this.#heardAt) - period;
    if (this.#tickedAt > 0 && late > LATE_MS) this.#stalled += late;
    this.#tickedAt = now;
    if (now - this.#cautionAt > CAUTION_MS) this.#caution = 1;
  }

  /** A suspicion was wrong. */
  spurious(now: number): void {
    this.#caution = CAUTION;
    this.#cautionAt = now;
  }

  /** Silence on the clock, ms. */
  since(now: number): number {
    return now - this.#heardAt;
  }

  /** Silence while we listened, ms. */
  of(now: number): number {
    return this.since(now) - this.#stalled;
  }

  /** Silence that is suspect, ms. */
  get suspect(): number {
    const { interval, tcp } = this.#listening;
    const { smoothed, deviation } = this.#trip;
    const least = Math.max(LEAST_MS, INTERVALS * interval, smoothed + 4 * deviation);
    return this.#caution * Math.max(tcp ? TCP_LEAST_MS : 0, least);
  }

  /** Silence after which a session may take over that is ready now, ms; `rtt` as its opening measured it. */
  patience(now: number, rtt: number): number {
    return Math.max(this.of(now), this.suspect) + Math.min(READY_MS + rtt, WAIT_MOST_MS);
  }

  /** Smoothed, ms; 0 before the first. */
  get rtt(): number {
    return this.#trip.smoothed;
  }
}
