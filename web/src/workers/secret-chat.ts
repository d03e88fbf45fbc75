// The chat of a call that may be encrypted. Texts go as SFrame ciphertexts in base64url, with a key of this participant's own, as media does.

import { cleanText } from '../call/chat.ts';
import { InOrder } from '../media/in-order.ts';
import { Opener, Sealer } from '../media/sealing.ts';
import { fromBase64URL, toBase64URL } from '../protocol/base64url.ts';
import { type Chat, type ChatMessage, MAX_CHAT } from '../protocol/messages.gen.ts';
import type { Bytes } from '../protocol/varint.ts';

/** Stands for what cannot be read here. */
export const UNREADABLE = '(This message is encrypted. To read it you need the complete link.)';

export class SecretChat {
  readonly #sealer: Sealer | null;
  readonly #secret: Bytes | null;
  readonly #order = new InOrder();

  /** `secret` is null in a call that is not encrypted. */
  constructor(secret: Bytes | null) {
    this.#secret = secret;
    this.#sealer = secret && new Sealer(secret);
  }

  /** Gives `send` a message as it goes to the server, in the order of the calls. What cannot be encrypted is not sent. */
  write(chat: Chat, send: (chat: Chat) => void): void {
    if (!this.#sealer) {
      send(chat);
      return;
    }
    this.#sealer.seal(new TextEncoder().encode(chat.text), (sealed) => {
      if (sealed) send({ ...chat, text: toBase64URL(sealed), encrypted: true });
    });
  }

  /** Gives `take` a message with its text, in the order of the calls. */
  read(message: ChatMessage, take: (message: ChatMessage) => void): void {
    if (!message.encrypted) {
      this.#order.after(() => take(message));
      return;
    }
    this.#order.add(this.#open(message.text), (text) => take({ ...message, text: text ?? UNREADABLE }));
  }

  async #open(text: string): Promise<string> {
    // Authors alternate, and each has a key of their own: an Opener for each message keeps none for nothing.
    const plain = await new Opener(this.#secret).open(fromBase64URL(text));
    // The server could not check it.
    const read = cleanText(new TextDecoder('utf-8', { fatal: true }).decode(plain));
    return [...read].slice(0, MAX_CHAT).join('');
  }
}
