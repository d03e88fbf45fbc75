import { describe, expect, test } from 'vitest';
import { agoText, clockText, msText, parseTime, ticks, tickText } from './time.ts';

describe('parseTime', () => {
  test('keeps what is finer than a millisecond', () => {
    const base = Date.parse('2026-11-23T12:00:00.000Z');
    expect(parseTime('2026-11-23T12:00:00.123456789Z') - base).toBeCloseTo(123.456789, 3);
    expect(parseTime('2026-11-23T12:00:00.0004Z') - base).toBeCloseTo(0.4, 3);
  });
  test('reads zones and whole seconds', () => {
    expect(parseTime('2026-11-23T13:00:00.5+01:00')).toBe(Date.parse('2026-11-23T12:00:00.5Z'));
    expect(parseTime('2026-11-23T12:00:00Z')).toBe(Date.parse('2026-11-23T12:00:00Z'));
    expect(parseTime('nonsense')).toBeNaN();
  });
});

test('clockText cuts instead of rounding, so that a mark is never shown later than it was', () => {
  const at = new Date(2026, 10, 23, 9, 8, 7, 999).getTime();
  expect(clockText(at)).toBe('09:08:07.999');
  expect(clockText(at, 0)).toBe('09:08:07');
  expect(clockText(at + 0.9)).toBe('09:08:07.999');
  expect(clockText(Number.NaN)).toBe('–');
});

test.each([
  [0.42, '0.42 ms'],
  [31.44, '31.4 ms'],
  [182.4, '182 ms'],
  [1250, '1.25 s'],
  [0.001, '0 ms'],
])('msText(%s)', (ms, text) => {
  expect(msText(ms)).toBe(text);
});

test('ticks are round, within the range and not too many', () => {
  for (const span of [5, 80, 1000, 30_000, 600_000]) {
    const from = 1_700_000_000_123.4;
    const { at, step } = ticks(from, from + span, 8);
    expect(at.length).toBeGreaterThan(0);
    expect(at.length).toBeLessThanOrEqual(9);
    for (const t of at) {
      expect(t).toBeGreaterThanOrEqual(from);
      expect(t).toBeLessThanOrEqual(from + span);
      expect(Math.abs(t / step - Math.round(t / step))).toBeLessThan(1e-3);
    }
  }
});

test('tick labels show as much of a second as the step needs', () => {
  const at = new Date(2026, 10, 23, 9, 8, 7, 250).getTime();
  expect(tickText(at, 50)).toBe('09:08:07.25');
  expect(tickText(at, 5)).toBe('09:08:07.250');
});

test('agoText', () => {
  expect([500, 3000, 65_000, 7_200_000].map(agoText)).toEqual([
    'just now',
    '3 s ago',
    '1 min ago',
    '2 h ago',
  ]);
});
