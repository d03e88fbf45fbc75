// The syntax of names and rooms, the same as the server's (signaling/names.go), said in words before anything is sent.

import { MAX_NAME, MAX_ROOM } from '../protocol/messages.gen.ts';

export const DEFAULT_ROOM = 'demo';

/** What was typed as a room, as it will be used: without blanks around it and in lower case. */
export function normalRoom(typed: string): string {
  return typed.trim().toLowerCase();
}

/** What is wrong with a room, or null. */
export function roomProblem(room: string): string | null {
  if (room === '') return 'Please enter a room: everybody who enters the same one meets there.';
  if (room.length > MAX_ROOM)
    return `A room name has at most ${MAX_ROOM} characters; this one has ${room.length}.`;
  const stranger = [...room].find((c) => !/[a-z0-9_-]/.test(c));
  if (stranger !== undefined) {
    const what = /\s/.test(stranger) ? 'a blank' : `“${stranger}”`;
    return `A room name cannot have ${what}: use a to z, digits, - and _.`;
  }
  if (!/^[a-z0-9]/.test(room)) return 'A room name starts with a letter or a digit.';
  return null;
}

/** What is wrong with a display name, or null. */
export function nameProblem(name: string): string | null {
  const trimmed = name.trim();
  if (trimmed === '') return 'Please enter your name: the others see it under your picture.';
  const length = [...name].length;
  if (length > MAX_NAME) return `A name has at most ${MAX_NAME} characters; this one has ${length}.`;
  // As Go's unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the plain space; and what emoji are joined with.
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: the joiner and the selector are meant on their own
  const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} \u200d\ufe0f]*$/u;
  if (!printable.test(name)) {
    return 'The name has a character that cannot be shown.';
  }
  return null;
}

/** Up to two initials for the round picture of somebody without a camera. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s_.-]+/)
    .filter((w) => w !== '');
  const first = [...(words[0] ?? '')][0] ?? '?';
  const last = words.length > 1 ? ([...(words[words.length - 1] ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}
