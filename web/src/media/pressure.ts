// Decides what to leave out when the way up cannot take it all, and how many bits to ask of the encoder. Pure.
//
// Two signs: writes that the transport does not take, and frames that the server's replies show to be on the way for too long. The second sees
// queues that browsers hide behind the first.

const UPPER_MS = 250; // a frame on the way for longer: leave out upper layers
const CUT_MS = 900; // for longer: what waits would only be seen late; begin again
const DOWN = 0.7;
const UP = 1.08;
const CLIMB_MS = 2_000;
const DOWN_MS = 1_000;
const LOWEST = 0.12; // of the full bit rate
const MAX_SENT = 512;

export type Verdict = 'send' | 'shed' | 'cut';

export class Pressure {
  /** Share of the full bit rate to use, 0..1. */
  share = 1;
  #sent: { seq: number; at: number }[] = []; // not yet reported as received
  #changed = 0;

  /** A frame was written. */
  sent(seq: number, now: number): void {
    this.#sent.push({ seq, at: now });
    if (this.#sent.length > MAX_SENT) this.#sent.shift();
  }

  /** The server has received frames up to `seq` (modulo 2^16). */
  received(seq: number): void {
    const low = seq & 0xffff;
    while (this.#sent.length > 0) {
      const first = this.#sent[0] as { seq: number; at: number };
      if (((low - first.seq) & 0xffff) >= 0x8000) return;
      this.#sent.shift();
    }
  }

  /** Everything on its way is gone: a new session, or the group was cut. */
  forget(): void {
    this.#sent = [];
  }

  /** For how long the oldest frame is on its way, ms. */
  age(now: number): number {
    const first = this.#sent[0];
    return first ? now - first.at : 0;
  }

  /** What to do with the next frame. `backlog` counts the writes of the base layer that were not taken, `rttMs` the way there and back. */
  judge(backlog: number, rttMs: number, now: number): Verdict {
    const age = this.age(now) - rttMs;
    if (age > CUT_MS || backlog > 20) {
      this.#lower(now);
      return 'cut';
    }
    if (age > UPPER_MS || backlog > 3) {
      this.#lower(now);
      return 'shed';
    }
    if (this.share < 1 && now - this.#changed > CLIMB_MS) {
      this.share = Math.min(1, this.share * UP);
      this.#changed = now;
    }
    return 'send';
  }

  #lower(now: number): void {
    if (now - this.#changed < DOWN_MS) return;
    this.share = Math.max(LOWEST, this.share * DOWN);
    this.#changed = now;
  }
}
