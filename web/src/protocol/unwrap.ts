// RTP counters wrap; these continue them as plain numbers.

/** Extends a counter of `bits` bits. The first value is taken as it is; each next one is the nearest to the highest so far. */
export class Unwrapper {
  readonly #size: number;
  #highest: number | null = null;

  constructor(bits: 16 | 32) {
    this.#size = 2 ** bits;
  }

  /** `onward`: so much may have been left out that the nearest says nothing, but it is not one of the past. */
  unwrap(value: number, onward = false): number {
    if (this.#highest === null) {
      this.#highest = value;
      return value;
    }
    const size = this.#size;
    const low = ((this.#highest % size) + size) % size;
    let delta = value - low;
    if (onward) delta = (delta + size) % size;
    else if (delta >= size / 2) delta -= size;
    else if (delta < -size / 2) delta += size;
    const full = this.#highest + delta;
    if (full > this.#highest) this.#highest = full;
    return full;
  }
}

const VIDEO_PERIOD = 2 ** 32 / 90_000; // s
const AUDIO_PERIOD = 2 ** 32 / 48_000; // s

/**
 * Seconds to add to the media time of a video track to bring it on the axis of the audio track of the same participant. Both count from one
 * instant, but their timestamps wrap at different times (13.3 h and 24.9 h), and a receiver does not know how often they did.
 */
export function videoToAudioAxis(video: number, audio: number): number {
  let best = 0;
  let distance = Number.POSITIVE_INFINITY;
  for (let m = 0; m < 15; m++) {
    const wanted = audio + m * AUDIO_PERIOD - video;
    const k = Math.round(wanted / VIDEO_PERIOD);
    const off = Math.abs(k * VIDEO_PERIOD - wanted);
    if (off < distance - 1e-3) {
      distance = off;
      best = k * VIDEO_PERIOD - m * AUDIO_PERIOD;
    }
  }
  return best;
}
