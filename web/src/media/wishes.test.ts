import { describe, expect, it } from 'vitest';
import { Wishes } from './wishes.ts';

const told = (w: Wishes, now: number) => w.due(now).map(({ track, height }) => `${track}:${height}`);

/** Wishes of which track 1 at 360 has been told. */
function begun(): Wishes {
  const w = new Wishes();
  w.show(1, 360, 0);
  expect(told(w, 249)).toEqual([]);
  expect(w.wakeAt).toBe(250);
  expect(told(w, 250)).toEqual(['1:360']);
  expect(w.wakeAt).toBe(Number.POSITIVE_INFINITY);
  return w;
}

describe('Wishes', () => {
  it('lets go of a picture that has not been shown for a second, and asks at once when it is seen again', () => {
    const w = begun();
    w.show(1, 0, 1_000);
    expect(told(w, 1_999)).toEqual([]);
    expect(w.wakeAt).toBe(2_000);
    expect(told(w, 2_000)).toEqual(['1:0']);
    w.show(1, 0, 3_000);
    expect(told(w, 9_000)).toEqual([]);
    w.show(1, 360, 10_000);
    expect(told(w, 10_000)).toEqual(['1:360']);
  });

  it('says nothing of a picture that is away for a moment', () => {
    const w = begun();
    w.show(1, 0, 1_000);
    told(w, 1_500);
    w.show(1, 360, 1_900);
    expect(told(w, 5_000)).toEqual([]);
    expect(w.wakeAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('lets go of a video that never was shown', () => {
    const w = new Wishes();
    w.show(1, 0, 0);
    expect(told(w, 999)).toEqual([]);
    expect(told(w, 1_000)).toEqual(['1:0']);
  });

  it('tells a height that is clearly another, once it is settled', () => {
    const w = begun();
    w.show(1, 430, 1_000);
    expect(told(w, 5_000)).toEqual([]); // 19 %
    for (let at = 6_000; at <= 7_000; at += 100) {
      w.show(1, 400 + at / 10, at);
      expect(told(w, at)).toEqual([]);
    }
    expect(told(w, 7_249)).toEqual([]);
    expect(told(w, 7_250)).toEqual(['1:1100']);
    w.show(1, 880, 8_000); // 20 %
    expect(told(w, 9_000)).toEqual([]);
    w.show(1, 870, 9_000);
    expect(told(w, 9_250)).toEqual(['1:870']);
  });

  it('tells a new session all of it again', () => {
    const w = begun();
    w.show(2, 0, 1_000);
    w.show(3, 720, 1_000);
    expect(told(w, 2_000)).toEqual(['2:0', '3:720']);
    w.again();
    expect(told(w, 9_000)).toEqual(['1:360', '2:0', '3:720']);
    expect(told(w, 20_000)).toEqual([]);
  });

  it('says no more than a burst at once, and the rest soon, each as it is by then', () => {
    const w = new Wishes();
    for (let track = 0; track < 30; track++) w.show(track, 180, 0);
    expect(told(w, 1_000)).toHaveLength(20);
    expect(w.wakeAt).toBe(1_100);
    w.show(29, 0, 1_000);
    let said = 0;
    let now = 1_000;
    while (w.wakeAt < Number.POSITIVE_INFINITY) {
      now = w.wakeAt;
      said += told(w, now).length;
    }
    expect([said, now]).toEqual([10, 2_000]); // the last to be told is who went
  });

  it('forgets a track that has ended', () => {
    const w = begun();
    w.show(1, 0, 1_000);
    w.forget(1);
    expect(told(w, 9_000)).toEqual([]);
    w.show(1, 360, 10_000); // a number that is used again
    expect(told(w, 10_250)).toEqual(['1:360']);
  });
});
