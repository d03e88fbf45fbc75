import { describe, expect, it, vi } from 'vitest';
import { Leading } from './leading.ts';

/** A server that answers when it is told to. */
function server() {
  const got: number[] = [];
  const answers: { yes(): void; no(error: Error): void }[] = [];
  const failed = vi.fn();
  const leading = new Leading((step) => {
    got.push(step);
    return new Promise<void>((yes, no) => answers.push({ yes, no }));
  }, failed);
  const settle = () => new Promise((done) => setTimeout(done));
  return { got, answers, failed, leading, settle };
}

describe('what a leader sends', () => {
  it('goes one at a time, and of those that wait the newest', async () => {
    const { got, answers, leading, settle } = server();
    for (const step of [2, 3, 4]) leading.set(step);
    expect(got).toEqual([2]);
    answers[0]?.yes();
    await settle();
    expect(got).toEqual([2, 4]);
    answers[1]?.yes();
    await settle();
    leading.set(0);
    expect(got).toEqual([2, 4, 0]);
  });

  it('is not followed by what waited when it fails', async () => {
    const { got, answers, failed, leading, settle } = server();
    leading.set(2);
    leading.set(3);
    answers[0]?.no(new Error('no'));
    await settle();
    expect(got).toEqual([2]);
    expect(failed).toHaveBeenCalledTimes(1);
    leading.set(4);
    expect(got).toEqual([2, 4]);
  });
});

describe('who moved the class', () => {
  it('is this page for what it sent, whether the answer or the news comes first', async () => {
    const { answers, leading, settle } = server();
    leading.set(2);
    leading.set(3);
    expect(leading.told(2)).toBe(true);
    answers[0]?.yes();
    await settle();
    answers[1]?.yes();
    await settle();
    expect(leading.told(3)).toBe(true);
  });

  it('is another for anything else', async () => {
    const { answers, leading, settle } = server();
    leading.set(3); // where the class is already: nobody is told
    answers[0]?.yes();
    await settle();
    expect(leading.told(5)).toBe(false);
    expect(leading.told(3), 'the other went back').toBe(false);
  });
});
