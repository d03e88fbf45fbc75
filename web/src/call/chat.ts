// The chat of a call as data: what was written, what is on its way, what was not read; and how it is shown.

import { type ChatMessage, MAX_CHAT, type Refused } from '../protocol/messages.gen.ts';

/** What somebody wrote, as the server sent it to everybody. */
export interface Written {
  id: number;
  /** The same before and after the server has it. */
  key: string;
  participant: string;
  name: string;
  own: boolean;
  text: string;
  encrypted: boolean;
  at: number; // ms since the epoch, by the server's clock
}

/** What this person wrote and the server has not sent back. It is sent again after every welcome. */
export interface Writing {
  nonce: string;
  text: string;
  at: number; // ms since the epoch
  /** Why the server did not take it; null while it is on its way. */
  problem: string | null;
}

export interface ChatState {
  written: Written[]; // in order
  writing: Writing[];
  /** Messages of others that came while the chat was not open. */
  unread: number;
  open: boolean;
}

export const EMPTY_CHAT: ChatState = { written: [], writing: [], unread: 0, open: false };

/** So many messages are kept; the server keeps fewer. */
const KEPT = 500;

/** The person wrote something; `instead` of what was refused under that nonce. */
export function wrote(chat: ChatState, w: Omit<Writing, 'problem'>, instead: string | null): ChatState {
  const others = chat.writing.filter((o) => o.nonce !== instead);
  return { ...chat, writing: [...others, { ...w, problem: null }] };
}

/** A message came, of anybody. `self` is the participant that this person is. One that is here already may come again with another session. */
export function received(chat: ChatState, m: ChatMessage, self: string): ChatState {
  if (chat.written.some((w) => w.id === m.id)) return chat;
  const { id, participant, name, text, nonce, encrypted = false } = m;
  const own = participant === self;
  const key = own && nonce ? nonce : String(id);
  return {
    ...chat,
    written: [
      ...chat.written,
      { id, key, participant, name, own, text, encrypted, at: Date.parse(m.time) },
    ].slice(-KEPT),
    // By the nonce alone: who had to join anew is somebody else to the server, and so is the author.
    writing: nonce ? chat.writing.filter((w) => w.nonce !== nonce) : chat.writing,
    unread: own || chat.open ? chat.unread : chat.unread + 1,
  };
}

/** The server did not take what was written. */
export function refused(chat: ChatState, m: Refused): ChatState {
  return {
    ...chat,
    writing: chat.writing.map((w) => (w.nonce === m.nonce ? { ...w, problem: m.message } : w)),
  };
}

/** The chat is opened, and read with it, or closed. */
export function opened(chat: ChatState, open: boolean): ChatState {
  return { ...chat, open, unread: open ? 0 : chat.unread };
}

/** What was typed, as it is sent: without blanks around it, and without characters that the server refuses. */
export function cleanText(typed: string): string {
  return typed
    .replace(/\r\n?/g, '\n')
    .replace(/\t/g, '  ')
    .replace(/(?!\n)\p{Cc}/gu, '')
    .trim();
}

/** What is wrong with a text, or null. */
export function textProblem(text: string): string | null {
  const length = [...text].length;
  return length > MAX_CHAT ? `A message has at most ${MAX_CHAT} characters; this one has ${length}.` : null;
}

/** A message on the screen. */
export interface Line {
  key: string;
  text: string;
  encrypted: boolean;
  at: number;
  state: 'sent' | 'sending' | 'refused';
  problem: string | null;
}

/** Messages that one person wrote one after the other. */
export interface Group {
  key: string;
  name: string;
  own: boolean;
  at: number; // of the first
  lines: Line[];
}

/** After a pause as long as this the name and the time stand there again, ms. */
const PAUSE_MS = 5 * 60_000;

/** All that is shown, in order: what is on its way comes last. */
export function grouped({ written, writing }: ChatState): Group[] {
  const groups: Group[] = [];
  let before = '';
  const add = (sender: string, head: Pick<Group, 'name' | 'own'>, line: Line) => {
    const last = groups.at(-1);
    const newest = last?.lines.at(-1);
    if (last && newest && sender === before && line.at - newest.at < PAUSE_MS) last.lines.push(line);
    else groups.push({ key: line.key, ...head, at: line.at, lines: [line] });
    before = sender;
  };
  const own = { name: 'You', own: true };
  for (const { key, participant, name, text, encrypted, at, own: mine } of written) {
    const line: Line = { key, text, encrypted, at, state: 'sent', problem: null };
    if (mine) add('', own, line);
    else add(participant, { name, own: false }, line);
  }
  for (const { nonce, text, at, problem } of writing) {
    add('', own, {
      key: nonce,
      text,
      encrypted: true,
      at,
      state: problem === null ? 'sending' : 'refused',
      problem,
    });
  }
  return groups;
}

/** What to say of the newest messages of others. */
export function newsSentence(written: Written[], count: number): string {
  const last = written.findLast((w) => !w.own);
  if (!last || count < 1) return '';
  return count === 1
    ? `${last.name} writes: ${last.text}`
    : `${count} new messages in the chat, the last from ${last.name}.`;
}
