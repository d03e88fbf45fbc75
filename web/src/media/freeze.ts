// What a person saw: times of rendered frames, freezes and gaps. All times in milliseconds of one clock.

const RECENT = 30; // intervals in the mean, as webrtc-stats has it
const KEEP_MS = 16_000; // a little more than the longest window that is asked for

/** Tells whether an interval between rendered frames is a freeze, `mean` being the mean of the recent ones (ms). */
function isFreeze(interval: number, mean: number): boolean {
  return interval >= Math.max(3 * mean, mean + 150);
}

/** Counts freezes as webrtc-stats does: an interval of at least max(3δ, δ + 150 ms), δ the mean of the recent intervals. */
export class FreezeMeter {
  rendered = 0;
  freezes = 0;
  frozenMs = 0;
  #recent: number[] = [];
  #sum = 0;
  #times: number[] = []; // of rendered frames; a pause is a NaN between two of them
  #last = Number.NaN;

  /** A frame was rendered. */
  add(now: number): void {
    this.rendered++;
    if (!Number.isNaN(this.#last)) this.#interval(now - this.#last);
    this.#last = now;
    this.#times.push(now);
    this.#forget(now);
  }

  #interval(ms: number): void {
    if (this.#recent.length > 0 && isFreeze(ms, this.mean)) {
      this.freezes++;
      this.frozenMs += ms;
    }
    this.#recent.push(ms);
    this.#sum += ms;
    if (this.#recent.length > RECENT) this.#sum -= this.#recent.shift() as number;
  }

  /** No picture is meant to come, e.g. the camera is off: the time until the next frame is no interval. */
  pause(): void {
    if (Number.isNaN(this.#last)) return;
    this.#last = Number.NaN;
    this.#times.push(Number.NaN);
  }

  /** δ: mean of the recent intervals; 0 before there are two frames. */
  get mean(): number {
    return this.#recent.length > 0 ? this.#sum / this.#recent.length : 0;
  }

  /** Time of the last frame, NaN while paused. */
  get last(): number {
    return this.#last;
  }

  /** When the frames after `from` were rendered. */
  since(from: number): number[] {
    return this.#times.filter((t) => t > from);
  }

  /** Longest interval that overlaps [from, to], the running one up to `to` included; 0 if there is none. */
  longestGap(from: number, to: number): number {
    let longest = Number.isNaN(this.#last) ? 0 : Math.max(0, to - this.#last);
    for (let i = this.#times.length - 1; i > 0; i--) {
      const end = this.#times[i] as number;
      const start = this.#times[i - 1] as number;
      if (end <= from) break; // NaN compares false
      if (start < to && end - start > longest) longest = end - start;
    }
    return longest;
  }

  /** Mean interval between the frames of the `span` before `until`; δ if there are too few. */
  meanBefore(until: number, span = 5_000): number {
    let sum = 0;
    let n = 0;
    for (let i = this.#times.length - 1; i > 0; i--) {
      const end = this.#times[i] as number;
      const start = this.#times[i - 1] as number;
      if (end > until) continue;
      if (end < until - span) break;
      if (Number.isNaN(end - start)) continue;
      sum += end - start;
      n++;
    }
    return n > 0 ? sum / n : this.mean;
  }

  /** Frames per second over the last `span`. */
  fps(now: number, span = 2_000): number {
    let n = 0;
    for (let i = this.#times.length - 1; i >= 0 && !((this.#times[i] as number) < now - span); i--) {
      if (!Number.isNaN(this.#times[i] as number)) n++;
    }
    return (n * 1000) / span;
  }

  #forget(now: number): void {
    if (this.#times.length < 64) return;
    let cut = 0;
    while (cut < this.#times.length - 1 && !((this.#times[cut + 1] as number) >= now - KEEP_MS)) cut++;
    if (cut > 32) this.#times.splice(0, cut);
  }
}

/** A total that grows, with its history, so that "how much in the last seconds" can be answered. */
export class Tally {
  total = 0;
  #entries: { at: number; n: number }[] = [];

  add(n: number, now: number): void {
    if (n === 0) return;
    this.total += n;
    const last = this.#entries.at(-1);
    if (last && now - last.at < 20) last.n += n;
    else this.#entries.push({ at: now, n });
    while (this.#entries.length > 0 && (this.#entries[0] as { at: number }).at < now - KEEP_MS)
      this.#entries.shift();
  }

  /** Sum of what was added since `from`. */
  since(from: number): number {
    let sum = 0;
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const e = this.#entries[i] as { at: number; n: number };
      if (e.at < from) break;
      sum += e.n;
    }
    return sum;
  }
}
