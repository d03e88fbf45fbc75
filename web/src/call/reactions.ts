// Reactions: which there are, and those that are being shown.

import type { Emoji, ReactionShown } from '../protocol/messages.gen.ts';

/** The server's list, with words. The names are part of test ids. */
export const REACTIONS: Record<Emoji, { name: string; label: string }> = {
  '👍': { name: 'thumbs-up', label: 'Thumbs up' },
  '\u2764\ufe0f': { name: 'heart', label: 'Heart' },
  '😂': { name: 'joy', label: 'Tears of joy' },
  '😮': { name: 'surprise', label: 'Surprise' },
  '👏': { name: 'applause', label: 'Applause' },
  '🎉': { name: 'party', label: 'Party' },
};

/** A reaction over somebody's tile. */
export interface Floating {
  participant: string;
  emoji: Emoji;
  at: number; // ms since the epoch; no two have the same
}

/** How long one is shown, ms; the animation in gestures.css takes as long. */
export const REACTION_MS = 3_000;

/** So many at once, over all tiles. */
const MOST = 60;

/** Those that are still to be shown. */
export function stillFloating(all: Floating[], now: number): Floating[] {
  const rest = all.filter((f) => now - f.at < REACTION_MS);
  return rest.length === all.length ? all : rest;
}

/** One more. */
export function float(all: Floating[], { participant, emoji }: ReactionShown, now: number): Floating[] {
  const at = Math.max(now, (all.at(-1)?.at ?? 0) + 1);
  return [...stillFloating(all, now), { participant, emoji, at }].slice(-MOST);
}
