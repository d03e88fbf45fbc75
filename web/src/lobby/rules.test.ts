import { describe, expect, it } from 'vitest';
import { initials, nameProblem, normalRoom, roomProblem } from './rules.ts';

describe('rooms', () => {
  it.each(['demo', 'a', '0', 'a-b_c', '9lives', 'x'.repeat(64)])('takes %s', (room) => {
    expect(roomProblem(room)).toBeNull();
  });

  it.each([
    ['', /enter a room/],
    ['-a', /starts with/],
    ['_a', /starts with/],
    ['a b', /blank/],
    ['a/b', /“\/”/],
    ['café', /“é”/],
    ['Demo', /“D”/],
    ['🙂', /“🙂”/],
    ['x'.repeat(65), /64 characters; this one has 65/],
  ])('refuses %j in words', (room, why) => {
    expect(roomProblem(room)).toMatch(why);
  });

  it('lowers what is typed', () => {
    expect(normalRoom('  Demo-1 ')).toBe('demo-1');
    expect(roomProblem(normalRoom(' DEMO'))).toBeNull();
  });
});

describe('names', () => {
  it.each(['Ada', 'Ada Lovelace', 'Żółć', '김', '👩‍🚀 Ada', 'x'.repeat(40)])('takes %s', (name) => {
    expect(nameProblem(name)).toBeNull();
  });

  it.each([
    ['', /enter your name/],
    ['   ', /enter your name/],
    ['x'.repeat(41), /40 characters; this one has 41/],
    ['a\nb', /cannot be shown/],
    ['a\u202eb', /cannot be shown/],
    ['a\u00a0b', /cannot be shown/],
    ['a\u0000', /cannot be shown/],
    ['a\ud800', /cannot be shown/],
  ])('refuses %j in words', (name, why) => {
    expect(nameProblem(name)).toMatch(why);
  });
});

describe('initials', () => {
  it.each([
    ['Ada', 'A'],
    ['Ada Lovelace', 'AL'],
    ['ada king lovelace', 'AL'],
    ['test-participant', 'TP'],
    ['김 철수', '김철'],
    ['🙂', '🙂'],
    ['', '?'],
  ])('%j is %s', (name, want) => {
    expect(initials(name)).toBe(want);
  });
});
