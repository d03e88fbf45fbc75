import { expect, test } from 'vitest';
import { actionOf } from './keys.ts';

const press = (key: string, more = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  repeat: false,
  ...more,
});

test.each([
  ['s', { do: 'switch' }],
  ['S', { do: 'switch' }],
  ['m', { do: 'mark' }],
  ['q', { do: 'code' }],
  ['Escape', { do: 'back' }],
  ['1', { do: 'network', index: 0 }],
  ['2', { do: 'network', index: 1 }],
  ['3', null],
  ['0', null],
  ['x', null],
])('%s', (key, want) => {
  expect(actionOf(press(key), false, 2)).toEqual(want);
});

test('is nothing while somebody types, holds it down, or means the browser', () => {
  expect(actionOf(press('s'), true, 2)).toBeNull();
  expect(actionOf(press('s', { repeat: true }), false, 2)).toBeNull();
  expect(actionOf(press('s', { ctrlKey: true }), false, 2)).toBeNull();
});
