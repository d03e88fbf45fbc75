// In which order the tiles stand when not all are in view: those who spoke last come first, calmly. Pure.

import type { Speaking } from './spotlight.ts';

/** Somebody out of view has to speak for this long, without a pause, before a place in view is theirs. */
const TAKES_MS = 1_000;

export class LoudestFirst {
  #order: string[] = [];
  #since = new Map<string, number>(); // when those began who speak now
  #spoke = new Map<string, number>(); // when somebody spoke last

  /**
   * Everybody's place after what is known now, of which the first `inView` are seen. Nobody moves but who is not seen and goes on speaking: they change places with
   * who has been silent for longest.
   */
  next(people: readonly Speaking[], inView: number, now: number): readonly string[] {
    this.#follow(people);
    for (const { id, speaking } of people) {
      if (!speaking) {
        this.#since.delete(id);
        continue;
      }
      this.#spoke.set(id, now);
      if (!this.#since.has(id)) this.#since.set(id, now);
    }
    for (let place = inView; place < this.#order.length; place++) {
      const since = this.#since.get(this.#order[place] as string);
      if (since !== undefined && now - since >= TAKES_MS) this.#bring(place, inView);
    }
    return this.#order;
  }

  /** Who left makes room for those behind; who joined comes last. */
  #follow(people: readonly Speaking[]): void {
    const ids = new Set(people.map((p) => p.id));
    if (ids.size === this.#order.length && this.#order.every((id) => ids.has(id))) return;
    const known = new Set(this.#order);
    for (const map of [this.#since, this.#spoke])
      for (const id of map.keys()) if (!ids.has(id)) map.delete(id);
    this.#order = [...this.#order.filter((id) => ids.has(id)), ...[...ids].filter((id) => !known.has(id))];
  }

  /** Changes places with who is in view and has been silent for longest; of two alike, the later one. Nobody who speaks goes. */
  #bring(place: number, inView: number): void {
    let silent = -1;
    let longest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < inView; i++) {
      const id = this.#order[i] as string;
      const spoke = this.#spoke.get(id) ?? Number.NEGATIVE_INFINITY;
      if (this.#since.has(id) || (silent >= 0 && spoke > longest)) continue;
      silent = i;
      longest = spoke;
    }
    if (silent < 0) return;
    const order = [...this.#order];
    [order[silent], order[place]] = [order[place] as string, order[silent] as string];
    this.#order = order;
  }
}
