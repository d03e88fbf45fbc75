import { describe, expect, it } from 'vitest';
import { LoudestFirst } from './loudest.ts';

const people = (ids: string, speaking = '') =>
  [...ids].map((id) => ({ id, speaking: speaking.includes(id) }));

/** The order after somebody spoke for so many ms, asked every 100 ms as the levels come. */
class Room {
  readonly #loudest = new LoudestFirst();
  now = 0;

  constructor(
    public ids: string,
    readonly inView: number,
  ) {}

  speak(who: string, ms: number): string {
    let order = '';
    for (const end = this.now + ms; this.now <= end; this.now += 100) {
      order = this.#loudest.next(people(this.ids, who), this.inView, this.now).join('');
    }
    return order;
  }
}

describe('LoudestFirst', () => {
  it('moves nobody while all are in view, whoever speaks', () => {
    const room = new Room('abc', 3);
    expect(room.speak('c', 5_000)).toBe('abc');
    expect(room.speak('b', 5_000)).toBe('abc');
  });

  it('brings who goes on speaking out of view, in the place of who has been silent for longest', () => {
    const room = new Room('abcdef', 3);
    expect(room.speak('a', 500)).toBe('abcdef');
    expect(room.speak('c', 500)).toBe('abcdef');
    expect(room.speak('e', 900)).toBe('abcdef'); // nothing yet
    expect(room.speak('e', 200)).toBe('aecdbf');
    expect(room.speak('', 200)).toBe('aecdbf');
    expect(room.speak('f', 1_100)).toBe('fecdba');
  });

  it('is not moved by a cough, nor by who is in view', () => {
    const room = new Room('abcd', 2);
    for (let i = 0; i < 5; i++) {
      expect(room.speak('d', 800)).toBe('abcd');
      expect(room.speak('a', 2_000)).toBe('abcd');
    }
  });

  it('takes no place from who speaks', () => {
    const room = new Room('abcd', 2);
    expect(room.speak('abc', 5_000)).toBe('abcd');
    expect(room.speak('bc', 100)).toBe('cbad');
  });

  it('moves two who begin together to two places', () => {
    expect(new Room('abcd', 2).speak('cd', 1_000)).toBe('dcba');
  });

  it('keeps the order when somebody leaves or joins', () => {
    const room = new Room('abcd', 2);
    expect(room.speak('d', 1_500)).toBe('adcb');
    room.ids = 'bcde';
    expect(room.speak('', 0)).toBe('dcbe');
    room.ids = 'bce';
    expect(room.speak('', 0)).toBe('cbe');
  });
});
