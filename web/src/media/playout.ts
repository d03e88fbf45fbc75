// Playout of one participant's sound: a jitter buffer over media time that is pulled by the sound card.
//
// Decoded chunks are pushed with their media time in any order; `pull` takes as many samples as the card wants. The delay between the
// quickest possible arrival and playing follows the 95th percentile of how late chunks are, within 20 to 200 ms. It is changed by playing
// a little faster or slower (whole periods are left out or repeated where the sound repeats itself). What is missing is concealed by
// repeating the last period, ever softer, without a jump in the wave at either end.
//
// Pure: all times are sample counts at 48 kHz, the clock is an argument. Nothing here knows the Web Audio API.

import { ArrivalJitter } from './jitter.ts';
import { CONCEAL_HISTORY, Concealment, findPeriod, History, OVERLAP, ramp, SEARCH_LENGTH } from './pitch.ts';

export const RATE = 48_000;
const PER_MS = RATE / 1000;

const MIN_DELAY_MS = 20;
const MAX_DELAY_MS = 200;
const BLOCK = 480; // made at a time, 10 ms
const CONCEAL_BLOCK = 120;
const TOLERANCE = 10 * PER_MS; // the delay may be off by this much before it is corrected
const JUMP = 150 * PER_MS; // off by more: skip instead of playing faster
const STALE = 300 * PER_MS; // after a gap of this much the timeline starts anew
const PAUSE = 6; // blocks between two stretches
const MAX_CHUNKS = 150;
const GOOD_MATCH = 0.75;

interface Chunk {
  start: number; // media time, samples
  pcm: Float32Array;
}

export interface PlayoutReport {
  /** Media time in samples of what is played at `now`; NaN while nothing is. */
  position: number;
  /** From the quickest possible arrival to the card, ms, as it is. */
  delayMs: number;
  /** The same as it is aimed at. */
  targetMs: number;
  concealed: number; // samples, total
  /** Root mean square since the last report. */
  level: number;
}

export class Playout {
  /** Samples that were made up, in total. */
  concealed = 0;
  /** The sender is silent on purpose: what does not arrive is not missed. */
  muted = false;
  #jitter = new ArrivalJitter(500);
  #chunks: Chunk[] = []; // by start, not overlapping
  #pos = Number.NaN; // media time of the next sample to be made
  #queue = new Float32Array(4 * BLOCK + 2 * SEARCH_LENGTH); // made, not yet pulled
  #queued = 0;
  #history = new History(CONCEAL_HISTORY);
  #concealment: Concealment | null = null;
  #sinceStretch = 0;
  #square = 0;
  #squares = 0;

  /** Takes decoded sound that begins at media time `start`. `now` is the card's clock. False: too late or already here. */
  push(start: number, pcm: Float32Array, now: number): boolean {
    this.#jitter.add((now - start) / PER_MS);
    if (start + pcm.length <= this.#pos) return false;
    let i = this.#chunks.length;
    while (i > 0 && (this.#chunks[i - 1] as Chunk).start > start) i--;
    const before = this.#chunks[i - 1];
    const after = this.#chunks[i];
    if (before && before.start + before.pcm.length >= start + pcm.length) return false;
    let cut = { start, pcm };
    if (before) cut = trimStart(cut, before.start + before.pcm.length);
    if (after && after.start < cut.start + cut.pcm.length) {
      cut = { start: cut.start, pcm: cut.pcm.subarray(0, Math.max(0, after.start - cut.start)) };
    }
    if (cut.pcm.length === 0) return false;
    this.#chunks.splice(i, 0, cut);
    if (this.#chunks.length > MAX_CHUNKS) this.#chunks.shift();
    return true;
  }

  /** Adds the next samples to out. `now` is the card's clock at out[0]. */
  pull(out: Float32Array, now: number): void {
    while (this.#queued < out.length) this.#make(now + this.#queued);
    for (let i = 0; i < out.length; i++) {
      const v = this.#queue[i] as number;
      out[i] = (out[i] as number) + v;
      this.#square += v * v;
    }
    this.#squares += out.length;
    this.#queue.copyWithin(0, out.length, this.#queued);
    this.#queued -= out.length;
  }

  /** What is played at `now` and how; the level starts anew. */
  report(now: number): PlayoutReport {
    const level = this.#squares > 0 ? Math.sqrt(this.#square / this.#squares) : 0;
    this.#square = 0;
    this.#squares = 0;
    const playing = this.#concealment === null || this.#concealment.made < 200 * PER_MS;
    const position = playing ? this.#pos - this.#queued : Number.NaN;
    const delayMs = (now - position) / PER_MS - this.#jitter.base;
    return {
      position,
      delayMs: Number.isFinite(delayMs) ? Math.max(0, delayMs) : 0,
      targetMs: this.#targetMs,
      concealed: this.concealed,
      level,
    };
  }

  get #targetMs(): number {
    return Math.max(MIN_DELAY_MS, Math.min(MAX_DELAY_MS, this.#jitter.p95 + 2));
  }

  /** Where playing should be at `now`. */
  #ideal(now: number): number {
    return Math.round(now - (this.#jitter.base + this.#targetMs) * PER_MS);
  }

  #emit(x: Float32Array): void {
    if (this.#queued + x.length > this.#queue.length) {
      const bigger = new Float32Array(2 * (this.#queued + x.length));
      bigger.set(this.#queue.subarray(0, this.#queued));
      this.#queue = bigger;
    }
    this.#queue.set(x, this.#queued);
    this.#queued += x.length;
    this.#history.push(x);
  }

  #make(now: number): void {
    while (this.#chunks.length > 0 && end(this.#chunks[0] as Chunk) <= this.#pos) this.#chunks.shift();
    if (Number.isNaN(this.#pos)) {
      if (!this.#begin(now)) this.#emit(new Float32Array(CONCEAL_BLOCK)); // nothing yet: silence that nobody misses
      return;
    }
    if (this.#concealment) {
      if (!this.#resume(this.#concealment, now)) this.#conceal(this.#concealment);
      return;
    }
    const available = this.#available();
    if (available === 0) {
      this.#concealment = new Concealment(this.#history.samples);
      if (!this.#resume(this.#concealment, now)) this.#conceal(this.#concealment);
      return;
    }
    if (this.#correct(now, available)) return;
    const n = Math.min(BLOCK, available);
    this.#emit(this.#read(this.#pos, n));
    this.#pos += n;
    this.#sinceStretch++;
  }

  /** Starts to play once the first sound's time has come. */
  #begin(now: number): boolean {
    const first = this.#chunks[0];
    if (!first) return false;
    const ideal = this.#ideal(now);
    if (ideal < first.start) return false;
    this.#concealment = new Concealment(new Float32Array(CONCEAL_HISTORY)); // silence, from which the sound is faded in
    this.#pos = this.#nearest(ideal);
    this.#fadeIn(this.#concealment);
    return true;
  }

  /** The media time at or after `at`, if there is sound, else the newest chunk's beginning. */
  #nearest(at: number): number {
    const chunk = this.#chunks.find((c) => end(c) > at);
    return chunk ? Math.max(at, chunk.start) : (this.#chunks.at(-1) as Chunk).start;
  }

  /** Ends a concealment if there is sound whose time has come. */
  #resume(concealment: Concealment, now: number): boolean {
    const next = this.#chunks[0];
    if (!next) return false;
    const hole = Math.max(0, next.start - this.#pos);
    if (hole > STALE || concealment.made > STALE) {
      // What was there before does not matter any more: go on where playing should be.
      const ideal = this.#ideal(now);
      if (ideal < next.start) return false;
      this.#pos = this.#nearest(ideal);
    } else {
      // Sound that comes late goes on where it stopped (the delay grows); sound that is lost is made up for as long as it is.
      if (concealment.made < hole) return false;
      if (hole > 0) this.#pos = next.start;
    }
    this.#fadeIn(concealment);
    return true;
  }

  /** Mixes from the concealment to what is at #pos. */
  #fadeIn(concealment: Concealment): void {
    const n = Math.min(OVERLAP, this.#available());
    const out = new Float32Array(n);
    concealment.fill(out);
    const real = this.#read(this.#pos, n);
    for (let i = 0; i < n; i++) {
      const w = ramp(i, n);
      out[i] = (out[i] as number) * (1 - w) + (real[i] as number) * w;
    }
    this.#emit(out);
    this.#pos += n;
    this.#concealment = null;
    this.#sinceStretch = 0;
  }

  #conceal(concealment: Concealment): void {
    const next = this.#chunks[0];
    const left = next ? next.start - this.#pos - concealment.made : 0;
    const n = left > 0 ? Math.min(left, CONCEAL_BLOCK) : CONCEAL_BLOCK; // no longer than the hole
    const out = new Float32Array(n);
    concealment.fill(out);
    this.#emit(out);
    if (!this.muted) this.concealed += n;
  }

  /** Brings the delay closer to what it should be, if now is a good moment. True: something was emitted. */
  #correct(now: number, available: number): boolean {
    const ahead = this.#ideal(now) - this.#pos; // positive: playing too late
    if (Math.abs(ahead) < TOLERANCE) return false;
    if (ahead > JUMP && available >= OVERLAP) return this.#skip(this.#ideal(now));
    if (this.#sinceStretch < PAUSE || available < SEARCH_LENGTH) return false;
    const x = this.#read(this.#pos, SEARCH_LENGTH);
    const { lag, match } = findPeriod(x, 0);
    if (match < GOOD_MATCH) return false;
    this.#sinceStretch = 0;
    if (ahead > 0) {
      this.#emit(overlap(x.subarray(0, OVERLAP), x.subarray(lag, lag + OVERLAP)));
      this.#pos += lag + OVERLAP;
    } else {
      this.#emit(x.slice(0, lag));
      this.#emit(overlap(x.subarray(lag, lag + OVERLAP), x.subarray(0, OVERLAP)));
      this.#pos += OVERLAP;
    }
    return true;
  }

  /** Leaves out everything up to `to`. */
  #skip(to: number): boolean {
    const from = this.#read(this.#pos, OVERLAP);
    const target = this.#nearest(to);
    if (target <= this.#pos) return false;
    const before = this.#pos;
    this.#pos = target;
    if (this.#available() < OVERLAP) {
      this.#pos = before;
      return false;
    }
    this.#emit(overlap(from, this.#read(target, OVERLAP)));
    this.#pos += OVERLAP;
    this.#sinceStretch = 0;
    return true;
  }

  /** Samples from #pos on without a hole. */
  #available(): number {
    let at = this.#pos;
    for (const c of this.#chunks) {
      if (end(c) <= at) continue;
      if (c.start > at) break;
      at = end(c);
    }
    return at - this.#pos;
  }

  #read(from: number, n: number): Float32Array {
    const out = new Float32Array(n);
    for (const c of this.#chunks) {
      if (end(c) <= from) continue;
      if (c.start >= from + n) break;
      const at = Math.max(from, c.start);
      const stop = Math.min(from + n, end(c));
      out.set(c.pcm.subarray(at - c.start, stop - c.start), at - from);
    }
    return out;
  }
}

function end(c: Chunk): number {
  return c.start + c.pcm.length;
}

function trimStart(c: Chunk, to: number): Chunk {
  return to <= c.start ? c : { start: to, pcm: c.pcm.subarray(to - c.start) };
}

function overlap(from: Float32Array, to: Float32Array): Float32Array {
  const out = new Float32Array(from.length);
  for (let i = 0; i < out.length; i++) {
    const w = ramp(i, out.length);
    out[i] = (from[i] as number) * (1 - w) + (to[i] as number) * w;
  }
  return out;
}

/** Keeps a sum of several voices within ±1 without a hard edge. */
export function limit(out: Float32Array): void {
  const knee = 0.8;
  for (let i = 0; i < out.length; i++) {
    const v = out[i] as number;
    const a = Math.abs(v);
    if (a > knee) out[i] = Math.sign(v) * (knee + (1 - knee) * Math.tanh((a - knee) / (1 - knee)));
  }
}
