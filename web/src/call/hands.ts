// Who has a hand raised, and in which order.

import type { CallState } from './types.ts';

/** The participants whose hand is up, the first to raise it first. This person's own comes last until the server has said where it stands. */
export function raisedHands({ local, remotes }: Pick<CallState, 'local' | 'remotes'>): string[] {
  const raised = remotes.filter((r) => r.hand > 0).map(({ id, hand }) => ({ id, hand }));
  if (local.handRaised) raised.push({ id: local.participant, hand: local.hand || Number.MAX_SAFE_INTEGER });
  return raised.sort((a, b) => a.hand - b.hand).map((r) => r.id);
}

/** A raised hand in words: which of how many. */
export function handText(place: number, of: number): string {
  return of > 1 ? `Hand raised, number ${place} of ${of}` : 'Hand raised';
}
