import { describe, expect, it } from 'vitest';
import { handText, raisedHands } from './hands.ts';
import { type Floating, float, REACTION_MS, REACTIONS, stillFloating } from './reactions.ts';
import { initialState } from './state.ts';
import type { CallState, Remote } from './types.ts';

const people = (hands: Record<string, number>, own: Partial<CallState['local']> = {}) => ({
  local: { ...initialState.local, participant: 'me', ...own },
  remotes: Object.entries(hands).map(([id, hand]) => ({ id, hand }) as Remote),
});

describe('raised hands', () => {
  it('stand in the order in which they went up', () => {
    expect(raisedHands(people({ ann: 4, bob: 0, eve: 2 }))).toEqual(['eve', 'ann']);
    expect(raisedHands(people({ ann: 4, eve: 2 }, { handRaised: true, hand: 3 }))).toEqual([
      'eve',
      'me',
      'ann',
    ]);
    expect(raisedHands(people({}))).toEqual([]);
  });

  it('have the own one last until the server has said where it stands, and not once it is lowered', () => {
    expect(raisedHands(people({ ann: 4 }, { handRaised: true, hand: 0 }))).toEqual(['ann', 'me']);
    expect(raisedHands(people({ ann: 4 }, { handRaised: false, hand: 3 }))).toEqual(['ann']);
  });

  it('are told in words, with their order if there are several', () => {
    expect(handText(1, 1)).toBe('Hand raised');
    expect(handText(2, 3)).toBe('Hand raised, number 2 of 3');
  });
});

describe('reactions', () => {
  const thumb = { participant: 'bob', emoji: '👍' } as const;

  it('are shown for a while', () => {
    const one = float([], thumb, 1000);
    expect(stillFloating(one, 1000 + REACTION_MS - 1)).toBe(one); // unchanged: nothing is drawn anew
    expect(stillFloating(one, 1000 + REACTION_MS)).toEqual([]);
    expect(float(one, thumb, 1000 + REACTION_MS)).toHaveLength(1);
  });

  it('never have the same time, and are not without number', () => {
    let all: Floating[] = [];
    for (let i = 0; i < 100; i++) all = float(all, thumb, 1000);
    expect(new Set(all.map((f) => f.at)).size).toBe(all.length);
    expect(all.length).toBeLessThan(100);
    expect(all.at(-1)?.at).toBe(1099);
  });

  it('have names of their own', () => {
    const names = Object.values(REACTIONS).map((r) => r.name);
    expect(new Set(names).size).toBe(names.length);
    expect(REACTIONS['👍'].name).toBe('thumbs-up');
  });
});
