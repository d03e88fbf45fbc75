// When a video frame is to be shown. Pure; milliseconds.
//
// Without sound a frame is shown as long after its quickest possible arrival as 95 of 100 need. With sound it is shown with the sound of its
// capture time: people bear 45 ms before and 125 ms after it (ITU-R BT.1359). It is never shown before the sound, even if it could be: the
// time that the sound is delayed anyway bridges gaps in the picture for nothing.

import { ArrivalJitter } from './jitter.ts';

const MIN_DELAY = 40; // a little more than a frame: bridges the gap that a change of network leaves, and nobody notices it
const MAX_DELAY = 250;
const MARGIN = 5;
const EARLIEST = 0;
const LATEST = 110;
const HOLD = 300; // sound that is later than this is out of step for good; the picture goes on without it
const GROW = 0.15; // ms per ms: a picture 15 % slower for a moment is not seen
const SHRINK = 0.08;

export class VideoSchedule {
  #jitter = new ArrivalJitter(300);
  #offset = Number.NaN; // shown time minus media time
  #at = 0;

  /** A frame was ready to be shown. */
  ready(media: number, now: number): void {
    this.#jitter.add(now - media);
    const wanted = this.#jitter.base + this.delay;
    const passed = Math.max(0, Math.min(1000, now - this.#at));
    this.#at = now;
    if (Number.isNaN(this.#offset) || Math.abs(wanted - this.#offset) > 500) this.#offset = wanted;
    else if (wanted > this.#offset) this.#offset = Math.min(wanted, this.#offset + GROW * passed);
    else this.#offset = Math.max(wanted, this.#offset - SHRINK * passed);
  }

  /** The delay that is aimed at, above the quickest arrival. */
  get delay(): number {
    return Math.max(MIN_DELAY, Math.min(MAX_DELAY, this.#jitter.p95 + MARGIN));
  }

  /** When to show the frame; `heard` is when the sound of the same media time is heard, NaN if there is none. */
  due(media: number, heard: number): number {
    const own = media + this.#offset;
    if (Number.isNaN(heard)) return own;
    return Math.min(own + HOLD, Math.max(heard + EARLIEST, Math.min(heard + LATEST, own)));
  }
}
