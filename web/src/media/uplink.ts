// The way up of all that this participant sends: what it takes, by the server's replies to the reports, twenty a second. Pure.
//
// A reply tells when the server had the report, which shows the queues in the network; the newest frame of each flow, which shows those in front of it; and
// what arrived, and what was lost, of the sound.

import type { Reply } from '../protocol/report.ts';
import type { Backlog } from './backlog.ts';
import { Nada, USABLE } from './nada.ts';
import { QueueingDelay } from './queueing.ts';

const LIMITS = { min: 150_000, max: 6_000_000, initial: 2_000_000 };
const RECEIVED_MS = 300; // over which the rate of arrivals is taken, at least
const RECEIVED_MOST = 1_000;
const RECEIVED_FRAMES = 4; // large frames come with nothing between them
const LOSS_MS = 2_000;
const CADENCE = 100; // ms that a frame may be on its way beyond the round trip: it waits for a report, and for the rest of itself
const CONGESTED = 60; // ms of queue from which upper layers are left out
const DRAINING = 0.6; // of what may be sent, until it is gone ...
const DRAINED = 30; // ms of queue; a longer one shows that the way is narrow
const DRAINING_MS = 1_000; // ... or for so long: then it is not ours
const PACE = 0.9; // of the estimate: more than what encoders are given, so that what waits gets less, with room for the sound
const NARROW_MS = 60_000; // after the last queue a way is taken for narrow ...
const NARROW_LIMITED_MS = 10_000; // ... or for so long, if less is sent than it takes: then it may have been the machine's

interface Arrivals {
  at: number; // the server's clock, ms
  bytes: number; // since the arrivals before
  frames: boolean; // among them
}

interface Losses {
  at: number;
  received: number;
  lost: number;
}

export class Uplink {
  readonly #nada = new Nada(LIMITS);
  readonly #network = new QueueingDelay();
  readonly #waits: number[] = []; // of frames, ms; the latest three
  #arrivals: Arrivals[] = [];
  #losses: Losses[] = [];
  #queueing = 0;
  #queuedAt = Number.NaN; // since when there has been a queue that matters
  #draining = false;
  #longAt = Number.NEGATIVE_INFINITY;

  /** What the way up takes, bits per second. */
  get estimate(): number {
    return this.#nada.rate;
  }

  /** What encoders may give out, bits per second. */
  get usable(): number {
    return (this.#draining ? DRAINING : 1) * USABLE * this.#nada.rate;
  }

  /** How long what is sent now has to wait, ms. */
  get queueing(): number {
    return this.#queueing;
  }

  /** The queue is so long that only what others depend on should be sent. */
  get congested(): boolean {
    return this.#queueing > CONGESTED;
  }

  /** At how many bits per second large frames are to be sent; Infinity unless a queue has shown that the way is narrow. */
  pace(now: number): number {
    const narrow = now - this.#longAt < (this.#nada.limited ? NARROW_LIMITED_MS : NARROW_MS);
    return narrow ? PACE * this.#nada.rate : Number.POSITIVE_INFINITY;
  }

  /** The path, or the session, is another. */
  restart(): void {
    if (this.#arrivals.length > 0) this.#nada.restart(); // else nothing was learned of the one before
    this.#network.restart();
    this.#waits.length = 0;
    this.#arrivals = [];
    this.#losses = [];
    this.#queueing = 0;
    this.#queuedAt = Number.NaN;
    this.#draining = false;
    this.#longAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * Takes a reply. `backlogs` are those of the video flows, `soundBytes` what was sent as sound since the last reply.
   */
  reply(
    reply: Reply,
    o: { now: number; rtt: number; backlogs: ReadonlyMap<number, Backlog>; soundBytes: number },
  ): void {
    let bytes = o.soundBytes;
    let frames = false;
    let wait = 0;
    let received = 0;
    let lost = 0;
    for (const flow of reply.flows) {
      const backlog = o.backlogs.get(flow.flow);
      if (backlog) {
        const arrived = backlog.received(flow.highestSeq);
        bytes += arrived;
        frames ||= arrived > 0;
        wait = Math.max(wait, backlog.age(o.now) - o.rtt - CADENCE);
      } else {
        received += flow.received;
        lost += flow.lost;
      }
    }
    this.#network.add(reply.clock, (reply.server * 1000) % 2 ** 32, o.now);
    this.#waits.push(wait);
    if (this.#waits.length > 3) this.#waits.shift();
    this.#queueing = Math.max(this.#network.value, Math.min(...this.#waits));
    this.#drain(o.now);
    const rate = this.#received({ at: reply.server, bytes, frames });
    if (Number.isNaN(rate)) return;
    this.#nada.update(
      { queueing: this.#queueing, loss: this.#loss(o.now, received, lost), received: rate, rtt: o.rtt },
      o.now,
    );
  }

  #drain(now: number): void {
    if (this.#queueing > DRAINED) this.#longAt = now;
    if (!(this.#queueing > DRAINED)) this.#queuedAt = Number.NaN;
    else if (this.congested && Number.isNaN(this.#queuedAt)) this.#queuedAt = now;
    this.#draining = now - this.#queuedAt < DRAINING_MS;
  }

  /** Bits per second by the server's clock; NaN until there is enough of it. */
  #received(newest: Arrivals): number {
    const all = this.#arrivals;
    const before = all.at(-1);
    const since = (a: Arrivals | undefined) => (a ? (newest.at - a.at) | 0 : 0);
    if (before && since(before) < 0) return Number.NaN; // overtaken by another reply
    all.push(newest);
    // The bytes of the first arrived before the span.
    let frames = all.slice(1).filter((a) => a.frames).length;
    while (since(all[1]) >= RECEIVED_MS) {
      if (all[1]?.frames) frames--;
      if (frames < RECEIVED_FRAMES && since(all[1]) < RECEIVED_MOST) break;
      all.shift();
    }
    const span = since(all[0]);
    if (span < RECEIVED_MS / 2) return Number.NaN;
    return (8000 * all.slice(1).reduce((sum, a) => sum + a.bytes, 0)) / span;
  }

  /** Share of the sound's packets that were lost. One alone says nothing. */
  #loss(now: number, received: number, lost: number): number {
    this.#losses.push({ at: now, received, lost });
    while (this.#losses.length > 2 && now - (this.#losses[1] as Losses).at >= LOSS_MS) this.#losses.shift();
    const first = this.#losses[0] as Losses;
    const missing = lost - first.lost;
    const all = received - first.received + missing;
    return missing > 1 && all > 20 ? missing / all : 0;
  }
}
