// What was written without a connection is said again no faster than the server takes it: it refuses more than CHAT_BURST messages at once and CHAT_PER_SECOND
// after them (signaling/chat.go). Some room is left for what is written meanwhile elsewhere, and for a clock that runs otherwise.

/** So many at once, then one in EVERY_MS. */
const AT_ONCE = 8;
const EVERY_MS = 1_100;

export interface ChatLine {
  nonce: string;
  text: string;
}

export class ChatPace {
  readonly #send: (line: ChatLine) => void;
  readonly #wanted: (line: ChatLine) => boolean;
  #queue: ChatLine[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** When AT_ONCE may be said again, by performance.now(). */
  #rested = 0;

  /** `wanted` tells whether a line still has to be said when its turn comes. */
  constructor(send: (line: ChatLine) => void, wanted: (line: ChatLine) => boolean) {
    this.#send = send;
    this.#wanted = wanted;
  }

  /** Says lines again, in place of those that wait. */
  again(lines: ChatLine[]): void {
    this.#queue = [...lines];
    this.#next();
  }

  /** Says a line that was written now: at once, unless others wait, behind which it stays. */
  write(line: ChatLine): void {
    if (this.#queue.length > 0) this.#queue.push(line);
    else this.#send(line);
  }

  stop(): void {
    this.#queue = [];
    this.#next();
  }

  #next(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    for (let line = this.#queue[0]; line; line = this.#queue[0]) {
      const now = performance.now();
      const wait = this.#rested - now - (AT_ONCE - 1) * EVERY_MS;
      if (this.#wanted(line)) {
        if (wait > 0) {
          this.#timer = setTimeout(() => this.#next(), wait);
          return;
        }
        this.#rested = Math.max(this.#rested, now) + EVERY_MS;
        this.#send(line);
      }
      this.#queue.shift();
    }
  }
}
