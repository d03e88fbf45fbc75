import { expect, test } from 'vitest';
import { points } from './charts-data.ts';
import { origin, sample } from './fixture.ts';
import { Series } from './series.ts';

test('keeps the newest samples when it is full', () => {
  const s = new Series(100);
  for (let i = 0; i < 250; i++) s.push(sample(i * 200, { send_bps: i }));
  expect(s.length).toBe(100);
  expect(s.at('send', 0)).toBe(150);
  expect(s.last('send')).toBe(249);
  for (let i = 1; i < s.length; i++) expect(s.at('time', i)).toBeGreaterThan(s.at('time', i - 1));
});

test('grows beyond its first block without losing rows', () => {
  const s = new Series(2000);
  for (let i = 0; i < 700; i++) s.push(sample(i * 200, { recv_bps: i }));
  expect(s.length).toBe(700);
  for (let i = 0; i < 700; i++) expect(s.at('recv', i)).toBe(i);
});

test('ignores samples that are not newer', () => {
  const s = new Series(10);
  s.push(sample(400));
  s.push(sample(200));
  s.push(sample(400));
  expect(s.length).toBe(1);
});

test('finds the first sample of a time, also after wrapping', () => {
  const s = new Series(8);
  for (let i = 0; i < 20; i++) s.push(sample(i * 100));
  expect(s.at('time', s.from(origin + 1450))).toBe(origin + 1500);
  expect(s.from(0)).toBe(0);
  expect(s.from(origin + 99_999)).toBe(8);
});

test('points reach one sample beyond the range and leave holes open', () => {
  const s = new Series();
  for (const at of [0, 200, 400, 5000, 5200]) s.push(sample(at, { send_bps: at }));
  const [times, values] = points([s], ['send'], { from: origin + 300, to: origin + 5100 }, (_, v) => v);
  expect(times).toEqual([200, 400, 401, 5000, 5200].map((t) => (origin + t) / 1000));
  expect(values).toEqual([200, 400, null, 5000, 5200]);
});

test('the series of a connection and of the one that took over rise as one', () => {
  const a = new Series();
  const b = new Series();
  for (const at of [0, 200, 400, 600]) a.push(sample(at, { send_bps: 1 }));
  for (const at of [500, 700]) b.push(sample(at, { send_bps: 2 }));
  const [times, values] = points([a, b], ['send'], { from: origin, to: origin + 1000 }, (_, v) => v);
  expect(times).toEqual([0, 200, 400, 600, 700].map((t) => (origin + t) / 1000));
  expect(values).toEqual([1, 1, 1, 1, 2]);
});
