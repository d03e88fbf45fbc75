// Work that answers when it likes, and results in the order in which it was begun. WebCrypto is such work, and media has an order.

export class InOrder {
  /** How much is under way. Whoever adds bounds it. */
  waiting = 0;
  #last: Promise<void> = Promise.resolve();

  /** Gives `take` what comes of `work`, or null if that fails, after everything that was begun before. */
  add<T>(work: Promise<T>, take: (result: T | null) => void): void {
    this.waiting++;
    const result = work.then(
      (r): T | null => r,
      () => null,
    );
    const next = () =>
      result.then((r) => {
        this.waiting--;
        take(r);
      });
    this.#last = this.#last.then(next, next); // one that could not be taken does not hold up the others
  }

  /** Does something after everything that was begun before: at once if nothing is under way. */
  after(act: () => void): void {
    if (this.waiting === 0) act();
    else this.add(Promise.resolve(), act);
  }

  /** Resolves when all that is under way now is done. */
  get settled(): Promise<void> {
    return this.#last;
  }
}
