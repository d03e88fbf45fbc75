// What a page that leads has sent, and whether what the class is told comes of it.

export class Leading {
  #sending = false;
  #next: number | null = null; // of those that came while one was on its way, the newest
  #sent: number[] = []; // what the class has not been told yet, oldest first

  constructor(
    private readonly put: (step: number) => Promise<unknown>,
    private readonly failed: (error: Error) => void,
  ) {}

  /** Moves the class to a step, 0: lets it go. One at a time, so that the class ends at the newest. */
  set(step: number): void {
    this.#next = step;
    if (!this.#sending) void this.#send();
  }

  /** The class was moved to a step: reports whether this page did that. If not, another leads now. */
  told(step: number): boolean {
    const at = this.#sent.indexOf(step);
    this.#sent = at < 0 ? [] : this.#sent.slice(at + 1);
    return at >= 0;
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#next !== null) {
      const step = this.#next;
      this.#next = null;
      this.#sent.push(step);
      try {
        await this.put(step);
      } catch (error) {
        this.#next = null;
        this.#sent = [];
        this.failed(error as Error);
      }
    }
    this.#sending = false;
  }
}
