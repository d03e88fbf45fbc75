// How large a picture is encoded, by the bits that there are for it, and by what the machine can do. Pure.

export interface Size {
  width: number;
  height: number;
}

const FULL = 1_500_000; // bits per second of 1280 by 720
const SCALES = [1, 2 / 3, 1 / 2, 1 / 3];
const DOWN = 0.35; // of its full bit rate: fewer are better spent on fewer pixels
const UP = 0.7; // of the full bit rate of the next larger one
const REST = 4_000; // ms from one change to one upwards: each costs a key frame
const LONGEST_REST = 64_000; // after sizes that were tried in vain
const IN_VAIN = 8_000; // ms within which a larger picture has to prove itself
const SHORT = 1_000; // ms for which there must be too few: a change of path passes
const SLOWER = 1.4; // of the interval between frames: a picture that makes its frames come so late has not proved itself either
const SMOOTH = 10; // frames
const LOWEST = 240; // lines; less is the small encoding's

/** Bits per second that a picture of this size can use, at 30 frames per second of people, at fewer of text. Small ones need more per pixel. */
export function fullBitrate({ width, height }: Size): number {
  return Math.round(FULL * ((width * height) / (1280 * 720)) ** 0.6);
}

/** A picture no larger than `pixels`, with even sides. */
export function within({ width, height }: Size, pixels: number): Size {
  return scaled({ width, height }, Math.min(1, Math.sqrt(pixels / (width * height))));
}

/** A picture of this height, with even sides. */
export function ofHeight({ width, height }: Size, wanted: number): Size {
  return scaled({ width, height }, wanted / height);
}

function scaled({ width, height }: Size, scale: number): Size {
  const even = (v: number) => Math.max(2, 2 * Math.round((v * scale) / 2));
  // Who is as large as may be is not made smaller by rounding.
  return scale > 0.99
    ? { width: width & ~1, height: height & ~1 }
    : { width: even(width), height: even(height) };
}

/** Chooses a size, and keeps to it for a while. */
export class PictureSize {
  #step = 0;
  #changed = Number.NEGATIVE_INFINITY;
  #rising = false; // a larger picture has not proved itself yet
  #rest = REST;
  #enoughAt = Number.NaN;
  #at = Number.NaN;
  #interval = Number.NaN; // between frames, ms, smoothed
  #usual = Number.NaN; // the same when the picture rose

  /** To be called for every frame. `full` is the largest. `strained`: the encoder cannot make the present size with the bits and the time that it has. */
  choose(full: Size, bitrate: number, strained: boolean, now: number): Size {
    const at = (step: number) => scaled(full, SCALES[step] as number);
    if (this.#rising && now - this.#changed > IN_VAIN) {
      this.#rising = false;
      this.#rest = REST;
    }
    this.#pass(now);
    const slow = strained || (this.#rising && this.#interval > SLOWER * this.#usual);
    const enough = bitrate >= DOWN * fullBitrate(at(this.#step)) && !slow;
    if (enough || Number.isNaN(this.#enoughAt)) this.#enoughAt = now;
    const best = SCALES.findIndex((_, step) => bitrate > UP * fullBitrate(at(step)));
    if (
      now - this.#enoughAt >= SHORT &&
      this.#step < SCALES.length - 1 &&
      at(this.#step + 1).height >= LOWEST
    ) {
      if (slow && this.#rising) this.#rest = Math.min(LONGEST_REST, 2 * this.#rest);
      this.#rising = false;
      this.#step++;
      this.#changed = this.#enoughAt = now;
    } else if (best >= 0 && best < this.#step && !strained && now - this.#changed > this.#rest) {
      this.#step = best;
      this.#changed = now;
      this.#rising = true;
      this.#usual = this.#interval;
    }
    return at(this.#step);
  }

  #pass(now: number): void {
    const passed = now - this.#at;
    this.#at = now;
    if (passed > SHORT) return; // there was a pause
    if (Number.isNaN(this.#interval)) this.#interval = passed;
    else this.#interval += (passed - this.#interval) / SMOOTH;
  }
}
