import { describe, expect, it } from 'vitest';
import { type ChatMessage, MAX_CHAT } from '../protocol/messages.gen.ts';
import {
  type ChatState,
  cleanText,
  EMPTY_CHAT,
  grouped,
  newsSentence,
  opened,
  received,
  refused,
  textProblem,
  wrote,
} from './chat.ts';

const START = Date.parse('2026-11-23T12:00:00Z');

const message = (id: number, participant: string, o: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  participant,
  name: participant.toUpperCase(),
  text: `message ${id}`,
  time: new Date(START + 1000 * id).toISOString(),
  ...o,
});

const chatOf = (...messages: ChatMessage[]): ChatState =>
  messages.reduce((chat, m) => received(chat, m, 'me'), EMPTY_CHAT);

describe('unread messages', () => {
  it('are those of others that came while the chat was closed', () => {
    const closed = chatOf(message(1, 'bob'), message(2, 'me'), message(3, 'eve'));
    expect(closed.unread).toBe(2);
    const open = opened(closed, true);
    expect(open.unread).toBe(0);
    expect(received(open, message(4, 'bob'), 'me').unread).toBe(0);
    const again = opened(received(open, message(4, 'bob'), 'me'), false);
    expect(again.unread).toBe(0);
    expect(received(again, message(5, 'bob'), 'me').unread).toBe(1);
  });

  it('are not counted twice when a message comes again', () => {
    const chat = chatOf(message(1, 'bob'), message(2, 'bob'), message(1, 'bob'));
    expect([chat.unread, chat.written.map((w) => w.id)]).toEqual([2, [1, 2]]);
  });

  it('are announced in a sentence', () => {
    const { written } = chatOf(message(1, 'bob'), message(2, 'eve', { text: 'Hello' }), message(3, 'me'));
    expect(newsSentence(written, 1)).toBe('EVE writes: Hello');
    expect(newsSentence(written, 2)).toBe('2 new messages in the chat, the last from EVE.');
    expect(newsSentence([], 1)).toBe('');
    expect(newsSentence(written, 0)).toBe('');
  });
});

describe('what is on its way', () => {
  const writing = wrote(EMPTY_CHAT, { nonce: 'n1', text: 'Hello', at: START }, null);

  it('is there until it comes back, and keeps its key', () => {
    expect(grouped(writing)[0]?.lines).toEqual([
      { key: 'n1', text: 'Hello', encrypted: true, at: START, state: 'sending', problem: null },
    ]);
    const sent = received(writing, message(1, 'me', { nonce: 'n1', text: 'Hello' }), 'me');
    expect(sent.writing).toEqual([]);
    expect(grouped(sent)[0]?.lines.map((l) => [l.key, l.state])).toEqual([['n1', 'sent']]);
  });

  it('is there once, too, if this person had to join anew and is somebody else to the server', () => {
    expect(received(writing, message(1, 'me before', { nonce: 'n1' }), 'me').writing).toEqual([]);
    expect(received(writing, message(1, 'bob'), 'me').writing).toHaveLength(1);
  });

  it('stands behind what came meanwhile', () => {
    const chat = received(writing, message(1, 'bob'), 'me');
    expect(grouped(chat).map((g) => g.name)).toEqual(['BOB', 'You']);
  });

  it('says why it was refused, and gives way to another try', () => {
    const no = refused(writing, { code: 10, message: 'Too fast.', of: 'chat', nonce: 'n1' });
    expect(grouped(no)[0]?.lines[0]).toMatchObject({ state: 'refused', problem: 'Too fast.' });
    const again = wrote(no, { nonce: 'n2', text: 'Hello', at: START + 1 }, 'n1');
    expect(again.writing.map((w) => [w.nonce, w.problem])).toEqual([['n2', null]]);
    expect(refused(writing, { code: 10, message: 'Too fast.', of: 'chat', nonce: 'other' })).toEqual(writing);
  });
});

describe('groups', () => {
  const shape = (chat: ChatState) => grouped(chat).map((g) => [g.name, g.lines.map((l) => l.text)]);

  it('are what one person wrote one after the other', () => {
    const chat = chatOf(message(1, 'bob'), message(2, 'bob'), message(3, 'eve'), message(4, 'bob'));
    expect(shape(chat)).toEqual([
      ['BOB', ['message 1', 'message 2']],
      ['EVE', ['message 3']],
      ['BOB', ['message 4']],
    ]);
    expect(grouped(chat)[0]?.at).toBe(START + 1000);
  });

  it('tell people of the same name apart', () => {
    const chat = chatOf(message(1, 'a', { name: 'Sam' }), message(2, 'b', { name: 'Sam' }));
    expect(grouped(chat)).toHaveLength(2);
  });

  it('end with a long pause', () => {
    const later = new Date(START + 10 * 60_000).toISOString();
    expect(grouped(chatOf(message(1, 'bob'), message(2, 'bob', { time: later })))).toHaveLength(2);
  });

  it('put together what was sent and what is being sent', () => {
    const chat = wrote(chatOf(message(1, 'me')), { nonce: 'n', text: 'more', at: START + 2000 }, null);
    expect(shape(chat)).toEqual([['You', ['message 1', 'more']]]);
    expect(grouped(chat)[0]?.own).toBe(true);
  });
});

describe('a text', () => {
  it.each([
    ['  Hello \n', 'Hello'],
    ['one\r\ntwo\rthree', 'one\ntwo\nthree'],
    ['a\tb', 'a  b'],
    ['a\u0000\u001b[31mb\u0085', 'a[31mb'],
    ['👩‍💻 שלום\u200f', '👩‍💻 שלום\u200f'],
    [' \n\t ', ''],
  ])('%j is sent as %j', (typed, sent) => {
    expect(cleanText(typed)).toBe(sent);
  });

  it('may be as long as the server takes, in characters', () => {
    expect(textProblem('😀'.repeat(MAX_CHAT))).toBeNull();
    expect(textProblem('a'.repeat(MAX_CHAT + 1))).toMatch(/at most 1000.*1001/);
    expect(textProblem('')).toBeNull();
  });
});
