// Frames that are on their way: written, and not yet known to have arrived. Pure.
//
// The transport's own queue is hidden in the browser, and datagrams overtake what waits there. So how long a frame takes is seen by the server's replies, which
// name the newest that came.

const MAX_SENT = 512;

interface Sent {
  seq: number; // modulo 2^16
  at: number; // ms
  bytes: number;
}

export class Backlog {
  #sent: Sent[] = [];

  /** A frame was written. */
  sent(seq: number, bytes: number, now: number): void {
    this.#sent.push({ seq, at: now, bytes });
    if (this.#sent.length > MAX_SENT) this.#sent.shift();
  }

  /** The server has received frames up to `seq` (modulo 2^16). Returns the bytes of those that it had not before. */
  received(seq: number): number {
    let bytes = 0;
    for (let first = this.#sent[0]; first; first = this.#sent[0]) {
      if ((((seq & 0xffff) - first.seq) & 0xffff) >= 0x8000) break;
      bytes += first.bytes;
      this.#sent.shift();
    }
    return bytes;
  }

  /** What is on its way is gone: a new session, or the group was cut. */
  forget(): void {
    this.#sent = [];
  }

  /** For how long the oldest frame is on its way, ms. */
  age(now: number): number {
    const first = this.#sent[0];
    return first ? now - first.at : 0;
  }
}
