import { describe, expect, it } from 'vitest';
import type { Chat, ChatMessage } from '../protocol/messages.gen.ts';
import { SecretChat, UNREADABLE } from './secret-chat.ts';

const secret = (n: number) => new Uint8Array(16).fill(n);

function sent(chat: SecretChat, ...texts: string[]): Promise<Chat[]> {
  return new Promise((resolve) => {
    const all: Chat[] = [];
    for (const text of texts) {
      chat.write({ nonce: text, text }, (c) => {
        all.push(c);
        if (all.length === texts.length) resolve(all);
      });
    }
  });
}

function read(chat: SecretChat, messages: Chat[]): Promise<string[]> {
  return new Promise((resolve) => {
    const all: string[] = [];
    messages.forEach((m, i) => {
      const message: ChatMessage = { id: i + 1, participant: 'ada', name: 'Ada', time: '', ...m };
      chat.read(message, ({ text }) => {
        all.push(text);
        if (all.length === messages.length) resolve(all);
      });
    });
  });
}

describe('the chat of an encrypted call', () => {
  it('is read in order by who has the key, and not by others', async () => {
    const texts = ['first of three', 'two ✓ of three', 'three'.repeat(200)];
    const wire = await sent(new SecretChat(secret(1)), ...texts);
    expect(wire.every((m) => m.encrypted)).toBe(true);
    for (const [i, m] of wire.entries()) {
      expect(m.text).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(m.text).not.toContain(texts[i]);
      expect(m.nonce).toBe(texts[i]);
    }
    expect(await read(new SecretChat(secret(1)), wire)).toEqual(texts);
    expect(await read(new SecretChat(secret(2)), wire)).toEqual(texts.map(() => UNREADABLE));
    expect(await read(new SecretChat(null), wire)).toEqual(texts.map(() => UNREADABLE));
  });

  it('keeps the order among messages that are encrypted and that are not', async () => {
    const chat = new SecretChat(secret(1));
    const [first, last] = (await sent(chat, 'first', 'last')) as [Chat, Chat];
    const damaged = { ...first, text: `${first.text.slice(0, -2)}AA` };
    expect(await read(chat, [first, { text: 'open' }, damaged, last])).toEqual([
      'first',
      'open',
      UNREADABLE,
      'last',
    ]);
  });

  it('changes nothing in a call without a key', async () => {
    const chat = new SecretChat(null);
    const wire = await sent(chat, 'hello');
    expect(wire).toEqual([{ nonce: 'hello', text: 'hello' }]);
    expect(await read(chat, wire)).toEqual(['hello']);
  });
});
