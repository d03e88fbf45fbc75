import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChatPace } from './chat-pace.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const lines = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) => ({ nonce: `n${from + i}`, text: `${from + i}` }));

function pace(wanted = (_nonce: string) => true) {
  const said: string[] = [];
  return {
    said,
    pace: new ChatPace(
      (l) => said.push(l.text),
      (l) => wanted(l.nonce),
    ),
  };
}

describe('ChatPace', () => {
  it('says eight at once, and the rest one after the other, in order', () => {
    const { said, pace: p } = pace();
    p.again(lines(12));
    expect(said).toHaveLength(8);
    vi.advanceTimersByTime(1_000);
    expect(said).toHaveLength(8);
    vi.advanceTimersByTime(101);
    expect(said).toHaveLength(9);
    vi.advanceTimersByTime(3_300);
    expect(said).toEqual(lines(12).map((l) => l.text));
  });

  it('never is faster than the server allows, whatever welcomes come', () => {
    const { said, pace: p } = pace();
    const times: number[] = [];
    for (let t = 0; t < 40; t++) {
      if (t < 5) p.again(lines(20, said.length));
      times.push(said.length);
      vi.advanceTimersByTime(500);
    }
    // The server's: 10 at once, one more a second.
    for (const [i, n] of times.entries()) expect(n).toBeLessThanOrEqual(10 + i / 2);
    expect(said.length).toBeGreaterThan(20);
  });

  it('leaves what is written now behind what waits, and else sends it at once', () => {
    const { said, pace: p } = pace();
    p.write({ nonce: 'a', text: 'first' });
    expect(said).toEqual(['first']);
    p.again(lines(9));
    p.write({ nonce: 'b', text: 'last' });
    expect(said.at(-1)).toBe('7');
    vi.advanceTimersByTime(2_300);
    expect(said.slice(-2)).toEqual(['8', 'last']);
  });

  it('does not say what the server has meanwhile', () => {
    const have = new Set<string>();
    const { said, pace: p } = pace((nonce) => !have.has(nonce));
    p.again(lines(10));
    have.add('n8');
    vi.advanceTimersByTime(1_101);
    expect(said.at(-1)).toBe('9');
  });

  it('says nothing once it is stopped', () => {
    const { said, pace: p } = pace();
    p.again(lines(20));
    p.stop();
    vi.advanceTimersByTime(60_000);
    expect(said).toHaveLength(8);
    expect(vi.getTimerCount()).toBe(0);
  });
});
