// Puts the frames of a track, which arrive on a stream per temporal layer, back in order and passes on those that can be decoded.
//
// A base frame (TID 0) can be decoded after the base frame before it, a frame of an upper layer after the base frame that its TL0PICIDX names.
// Sequence numbers are one space over all layers, so a hole shows that something is missing, but not of which layer: if the next base
// frame follows the last one by its TL0PICIDX, the hole was an upper layer and the call goes on without it.
//
// Pure: the clock is an argument, and `next` is to be called again when `wakeAt` has come.

export interface OrderFrame {
  seq: number; // unwrapped
  tid: number;
  tl0: number;
  key: boolean;
  baseSync: boolean;
  arrived: number; // ms
}

const PATIENCE_UPPER = 30; // ms that a frame waits for frames of upper layers before it
const PATIENCE_BASE = 120; // ms that a key frame waits for the end of the group before it
const GIVE_UP = 1_000; // ms without the base frame that everything waits for
const GIVE_UP_CUT = 60; // the same once its stream was reset
const SHED_AFTER = 3; // holes of upper layers in a row: they are being shed
const MAX_WAITING = 256; // frames

export class FrameOrder<F extends OrderFrame> {
  /** Nothing can be decoded until a key frame comes. */
  needKey = true;
  /** When `next` may have something without another frame; Infinity if not. */
  wakeAt = Number.POSITIVE_INFINITY;
  #waiting: F[] = []; // by seq
  #lastSeq = Number.NEGATIVE_INFINITY;
  #lastTl0 = 0;
  #layersBroken = false; // a frame above this base frame is missing
  #holes = 0; // of upper layers in a row that nothing came for
  #cut = false;
  #group = Number.NEGATIVE_INFINITY; // seq of the last key frame
  #ended = Number.NEGATIVE_INFINITY; // seq of the key frame whose group ended last

  /** Takes a frame. False: it is too late or already here. */
  push(frame: F): boolean {
    if (frame.seq <= this.#lastSeq) {
      if (frame.tid > 0) this.#holes = 0; // they do come, only late: be patient again
      return false;
    }
    let i = this.#waiting.length;
    while (i > 0 && (this.#waiting[i - 1] as F).seq > frame.seq) i--;
    if (i > 0 && (this.#waiting[i - 1] as F).seq === frame.seq) return false;
    this.#waiting.splice(i, 0, frame);
    if (this.#waiting.length > MAX_WAITING) this.#overflow();
    return true;
  }

  /** The stream of the base layer was reset: what is missing of it does not come. */
  cut(): void {
    this.#cut = true;
  }

  /** The stream of the base layer that began with this key frame has ended: what is missing at its end does not come. */
  ended(key: number): void {
    if (key >= this.#group) this.#ended = key; // those before do not matter any more
  }

  /** The decoder failed: start over at a key frame. */
  reset(): void {
    this.needKey = true;
  }

  /** The newest key frame that waits, or null. */
  get key(): F | null {
    return this.#waiting.findLast((f) => f.key) ?? null;
  }

  /** Number of frames that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The frames that can be decoded now, in order. */
  next(now: number): F[] {
    const out: F[] = [];
    this.wakeAt = Number.POSITIVE_INFINITY;
    for (;;) {
      const found = this.#find(now);
      if (!found) return out;
      this.#take(found);
      out.push(found);
    }
  }

  #find(now: number): F | null {
    // Without a reference only a key frame helps, the newest: what is before it would only be shown late.
    if (this.needKey) return this.key;
    const head = this.#waiting[0];
    if (!head) return null;
    const found = this.#waiting.find((f) => this.#decodable(f));
    if (!found) {
      const until = head.arrived + (this.#cut ? GIVE_UP_CUT : GIVE_UP);
      if (now < until) return this.#sleep(until);
      this.needKey = true;
      this.#waiting = [];
      return null;
    }
    const before = this.#waiting.indexOf(found);
    if (found.seq - before === this.#lastSeq + 1) return found; // nothing is missing
    const until = found.arrived + this.#patience(found);
    return now < until ? this.#sleep(until) : found;
  }

  /** Tells whether `f` could be decoded next if nothing of what is missing came. */
  #decodable(f: F): boolean {
    if (f.key) return true;
    if (f.tid === 0) return f.tl0 === ((this.#lastTl0 + 1) & 0xff);
    if (f.tl0 !== this.#lastTl0) return false;
    return f.baseSync || (f.seq === this.#lastSeq + 1 && !this.#layersBroken);
  }

  #patience(f: F): number {
    const baseMissing = f.key && f.tl0 !== ((this.#lastTl0 + 1) & 0xff);
    if (baseMissing) return this.#cut || this.#ended === this.#group ? 0 : PATIENCE_BASE;
    return this.#holes >= SHED_AFTER ? 0 : PATIENCE_UPPER;
  }

  #take(f: F): void {
    const hole = f.seq !== this.#lastSeq + 1 && !this.needKey;
    if (hole) this.#holes++;
    else if (f.tid > 0) this.#holes = 0;
    this.#waiting.splice(0, this.#waiting.indexOf(f) + 1); // with those before it, which have no use any more
    this.#lastSeq = f.seq;
    if (f.tid > 0) {
      this.#layersBroken ||= hole;
      return;
    }
    this.#lastTl0 = f.tl0;
    this.#layersBroken = false;
    if (f.key) {
      this.needKey = false;
      this.#cut = false;
      this.#group = f.seq;
    }
  }

  #sleep(until: number): null {
    this.wakeAt = until;
    return null;
  }

  /** Keeps what a decoder can begin with, else nothing but the newest. */
  #overflow(): void {
    const key = this.#waiting.findLastIndex((f) => f.key);
    this.#waiting = this.#waiting.slice(key > 0 ? key : this.#waiting.length >> 1);
    this.needKey = true;
  }
}
