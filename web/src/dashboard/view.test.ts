import { describe, expect, test } from 'vitest';
import { follow, maxSpan, minSpan, pan, pause, range, reveal, show, type Window, zoom } from './view.ts';

const now = 1_000_000;
const live: Window = { end: null, span: 30_000 };

test('a window that follows ends a little after the present', () => {
  const r = range(live, now);
  expect(r.to - r.from).toBe(30_000);
  expect(r.to).toBeGreaterThan(now);
  expect(range(live, now + 500).to - r.to).toBe(500);
});

describe('zoom', () => {
  test('about nothing in particular goes on following', () => {
    expect(zoom(live, 0.5, null, now)).toEqual({ end: null, span: 15_000 });
  });
  test('about a time keeps that time where it is and stops following', () => {
    const at = now - 20_000;
    const before = range(live, now);
    const w = zoom(live, 0.1, at, now);
    const after = range(w, now);
    expect(w.end).not.toBeNull();
    expect((at - after.from) / (after.to - after.from)).toBeCloseTo(
      (at - before.from) / (before.to - before.from),
      6,
    );
  });
  test('has limits', () => {
    expect(zoom(live, 1e-9, null, now).span).toBe(minSpan);
    expect(zoom(live, 1e9, null, now).span).toBe(maxSpan);
  });
});

describe('pan', () => {
  test('back pauses, past the present follows again', () => {
    const back = pan(live, -10_000, now);
    expect(back.end).toBeCloseTo(range(live, now).to - 10_000, 6);
    expect(pan(back, 20_000, now).end).toBeNull();
  });
});

test('pausing holds what is shown, following returns', () => {
  const held = pause(live, now);
  expect(range(held, now + 5000)).toEqual(range(live, now));
  expect(pause(held, now + 5000)).toBe(held);
  expect(follow(held)).toEqual(live);
});

test('show leaves room around, reveal only moves when it must', () => {
  const r = range(show(1000, 1100), now);
  expect(r.from).toBeLessThan(1000);
  expect(r.to).toBeGreaterThan(1100);
  expect(reveal(live, now - 100, now)).toBe(live);
  const moved = range(reveal(live, now - 90_000, now), now);
  expect(moved.from).toBeLessThan(now - 90_000);
  expect(moved.to).toBeGreaterThan(now - 90_000);
});
