// One path's copy of a stream of video: counted as this path's, and its early end is not the end while another path has the rest.

import { FrameReader } from '../../protocol/framing.ts';
import type { InStream } from '../../transport/transport.ts';
import type { Copies } from './copies.ts';

export class Copy implements InStream {
  readonly #stream: InStream;
  readonly #copies: Copies;
  readonly #alone: () => boolean;
  readonly #frames = new FrameReader();

  /** `alone` tells whether no other path has a copy. */
  constructor(stream: InStream, copies: Copies, alone: () => boolean) {
    this.#stream = stream;
    this.#copies = copies;
    this.#alone = alone;
  }

  async read(): Promise<Uint8Array | null> {
    try {
      const chunk = await this.#stream.read();
      if (chunk)
        for (const packet of this.#frames.push(chunk)) this.#copies.add(this.#frames.flow ?? 0, packet);
      return chunk;
    } catch (error) {
      if (this.#alone()) throw error;
      return new Promise(() => undefined); // nobody else holds it, so it is forgotten
    }
  }

  cancel(): void {
    this.#stream.cancel();
  }
}
