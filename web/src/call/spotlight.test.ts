import { describe, expect, it } from 'vitest';
import { Spotlight } from './spotlight.ts';

const people = (...speaking: string[]) =>
  ['ada', 'bob', 'eve'].map((id) => ({ id, speaking: speaking.includes(id) }));

describe('Spotlight', () => {
  it('begins with the first and goes to who goes on speaking', () => {
    const s = new Spotlight();
    expect(s.next([], 0)).toBeNull();
    expect(s.next(people(), 0)).toBe('ada');
    expect(s.next(people('bob'), 100)).toBe('ada');
    expect(s.next(people(), 500)).toBe('ada'); // it was a cough
    expect(s.next(people('bob'), 600)).toBe('ada');
    expect(s.next(people('bob'), 1_400)).toBe('bob');
    expect(s.next(people(), 5_000)).toBe('bob');
  });

  it('does not take the place from who speaks', () => {
    const s = new Spotlight();
    s.next(people('bob'), 0);
    expect(s.next(people('bob'), 1_000)).toBe('bob');
    expect(s.next(people('bob', 'eve'), 1_100)).toBe('bob');
    expect(s.next(people('bob', 'eve'), 9_000)).toBe('bob');
    expect(s.next(people('eve'), 9_100)).toBe('eve');
  });

  it('goes on with somebody else when its person leaves', () => {
    const s = new Spotlight();
    s.next(people('eve'), 0);
    expect(s.next(people('eve'), 1_000)).toBe('eve');
    expect(s.next([{ id: 'bob', speaking: false }], 1_100)).toBe('bob');
  });
});
