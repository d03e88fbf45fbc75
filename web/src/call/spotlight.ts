// Whose tile is the large one when nobody is pinned: who speaks. Pure.

/** Somebody has to speak for this long, without a pause, before the place is theirs: a cough moves nothing. */
const TAKES_MS = 800;

export interface Speaking {
  id: string;
  speaking: boolean;
}

export class Spotlight {
  #current: string | null = null;
  #since = new Map<string, number>(); // when those began who speak now

  /** Who has the place after what is known now; null if there is nobody. */
  next(people: readonly Speaking[], now: number): string | null {
    for (const { id, speaking } of people) {
      if (!speaking) this.#since.delete(id);
      else if (!this.#since.has(id)) this.#since.set(id, now);
    }
    const current = people.find((p) => p.id === this.#current);
    if (!current) this.#current = people[0]?.id ?? null;
    if (current?.speaking) return this.#current; // nobody is talked over
    let first = Number.POSITIVE_INFINITY;
    for (const { id } of people) {
      const since = this.#since.get(id) ?? Number.POSITIVE_INFINITY;
      if (now - since < TAKES_MS || since >= first) continue;
      first = since;
      this.#current = id;
    }
    return this.#current;
  }
}
