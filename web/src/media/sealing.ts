// The two ends of an encrypted track: a Sealer where it is published, an Opener where it is received.
//
// RFC 9605, section 9.3, leaves replay to the application. Here a receiver drops the sequence numbers that it has had, and decoders have no use for a
// frame of the past; reordering is the business of FrameOrder and of the playout.

import type { Bytes } from '../protocol/varint.ts';
import { InOrder } from './in-order.ts';
import { baseKey, decrypt, deriveKey, encrypt, type FrameKey, parseHeader } from './sframe.ts';

/** Failures without one success that mean another key; one or two may be damage. */
const FEW = 5;

function keyOf(secret: Bytes, kid: bigint): Promise<FrameKey> {
  return baseKey(secret, kid).then((base) => deriveKey(base, kid));
}

/** What a sender needs of a Sealer. */
export interface Seal {
  /** Payloads that are being encrypted. Whoever seals lets only a few wait. */
  readonly waiting: number;
  /** Gives `take` the ciphertext, or null if there is none, in the order of the calls and never before this returns. */
  seal(plain: Bytes, take: (sealed: Bytes | null) => void): void;
}

/** Encrypts the payloads of one track. It belongs to the track, not to a session: its counter must never come again. */
export class Sealer implements Seal {
  readonly #key: Promise<FrameKey>;
  readonly #order = new InOrder();
  #counter = 0n;

  constructor(secret: Bytes) {
    const kid = new DataView(crypto.getRandomValues(new Uint8Array(8)).buffer).getBigUint64(0);
    this.#key = keyOf(secret, kid);
    this.#key.catch(() => undefined); // then nothing can be sealed, and each `take` learns of it
  }

  get waiting(): number {
    return this.#order.waiting;
  }

  seal(plain: Bytes, take: (sealed: Bytes | null) => void): void {
    const counter = this.#counter++; // used up, whatever comes of it
    this.#order.add(
      this.#key.then((key) => encrypt(key, counter, plain)),
      take,
    );
  }
}

/** Decrypts the payloads of one track. */
export class Opener {
  opened = 0;
  /** Payloads that could not be decrypted, and are dropped. */
  failed = 0;
  readonly #secret: Bytes | null;
  #key: Promise<FrameKey> | null = null;
  #kid = 0n; // of the key: the one that came last

  /** `secret` is null for who has no key and can only count. */
  constructor(secret: Bytes | null) {
    this.#secret = secret;
  }

  /** The track is encrypted with another key. */
  get wrongKey(): boolean {
    return this.#secret !== null && this.opened === 0 && this.failed >= FEW;
  }

  /** Nothing of the track can be read here, so there is no use in asking its sender for anything. */
  get hopeless(): boolean {
    return this.#secret === null || this.wrongKey;
  }

  /** Rejects for what cannot be decrypted. */
  async open(sealed: Bytes): Promise<Bytes> {
    try {
      const header = parseHeader(sealed);
      if (!header || !this.#secret) throw new RangeError('not to be decrypted');
      const plain = await decrypt(await this.#keyFor(this.#secret, header.kid), header, sealed);
      this.opened++;
      return plain;
    } catch (error) {
      this.failed++;
      throw error;
    }
  }

  #keyFor(secret: Bytes, kid: bigint): Promise<FrameKey> {
    if (!this.#key || kid !== this.#kid) {
      this.#key = keyOf(secret, kid);
      this.#kid = kid;
    }
    return this.#key;
  }
}
