// What the server is asked for of each video: the picture is sent while it can be seen, in an encoding that is tall enough. Pure; milliseconds of one clock.
//
// A picture is let go of only after a while, so that scrolling past costs nothing, and asked for at once when it is seen again. While a window is being resized nothing
// is said. Messages are few: the server bounds them, and everything else that is said must fit too.

const GONE_MS = 1_000; // not shown for this long: it is not wanted
const SETTLE_MS = 250; // a height that did not change for this long is told
const CLEARLY = 0.2; // of the height that was told before
const BURST = 20; // messages, a screen full of pictures
const EVERY_MS = 100; // per message in the long run

export interface Wish {
  track: number;
  /** Pixels of the screen; 0: the video is not wanted. */
  height: number;
}

interface Shown {
  height: number;
  since: number;
  told: number | null; // null: nothing, so that the server sends the video and does not know its height
}

export class Wishes {
  /** When `due` may have something without another word; Infinity if not. */
  wakeAt = Number.POSITIVE_INFINITY;
  #tracks = new Map<number, Shown>();
  #free = Number.NEGATIVE_INFINITY; // when the whole burst could be said

  /** The picture of a video is shown at this height from now on; 0: not at all. */
  show(track: number, height: number, now: number): void {
    const shown = this.#tracks.get(track);
    if (!shown) this.#tracks.set(track, { height, since: now, told: null });
    else if (shown.height !== height) Object.assign(shown, { height, since: now });
  }

  /** The track has ended. */
  forget(track: number): void {
    this.#tracks.delete(track);
  }

  /** A new session knows nothing of what was told. */
  again(): void {
    for (const shown of this.#tracks.values()) shown.told = null;
  }

  /** What is to be told now; it counts as told. */
  due(now: number): Wish[] {
    const wishes: Wish[] = [];
    this.wakeAt = Number.POSITIVE_INFINITY;
    for (const [track, shown] of this.#tracks) {
      const at = Math.max(tellAt(shown), this.#free - BURST * EVERY_MS + EVERY_MS);
      if (at > now) {
        this.wakeAt = Math.min(this.wakeAt, at);
        continue;
      }
      this.#free = Math.max(this.#free, now) + EVERY_MS;
      shown.told = shown.height;
      wishes.push({ track, height: shown.height });
    }
    return wishes;
  }
}

/** When it is time to tell; Infinity if there is nothing to tell. */
function tellAt({ height, since, told }: Shown): number {
  if (height === told) return Number.POSITIVE_INFINITY;
  if (height === 0) return since + GONE_MS;
  if (told === 0) return since;
  if (told !== null && Math.abs(height - told) <= CLEARLY * told) return Number.POSITIVE_INFINITY;
  return since + SETTLE_MS;
}
