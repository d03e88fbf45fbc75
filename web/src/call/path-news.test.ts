import { describe, expect, it } from 'vitest';
import { PathNews } from './path-news.ts';

function listener() {
  const heard: unknown[] = [];
  const hear = (x: unknown) => heard.push(x);
  return { heard, snapshot: hear, event: hear, sample: hear };
}
const event = (n: number) => ({ type: 'path_event', event: n }) as never;

describe('PathNews', () => {
  it('keeps what nobody has heard, in order, and tells it once', () => {
    const news = new PathNews();
    for (let n = 0; n < 3; n++) news.tell(event(n));
    const first = listener();
    const stop = news.listen(first, true);
    news.tell(event(3));
    expect(first.heard).toEqual([0, 1, 2, 3]);
    const second = listener();
    news.listen(second);
    stop();
    news.tell(event(4));
    expect([first.heard.length, second.heard]).toEqual([4, [4]]);
  });

  it('keeps the newest only', () => {
    const news = new PathNews();
    for (let n = 0; n < 5_000; n++) news.tell(event(n));
    const late = listener();
    news.listen(late, true);
    expect([late.heard.length, late.heard.at(-1)]).toEqual([1_000, 4_999]);
  });
});
