import { expect, test } from 'vitest';
import { firstView } from './views.ts';

test.each([
  ['', null, 'connections'],
  ['', 'class', 'class'],
  ['', 'nonsense', 'connections'],
  ['?view=class', null, 'class'],
  ['?view=connections', 'class', 'connections'],
  ['?view=nonsense', 'class', 'connections'],
])('%s after %s', (search, remembered, want) => {
  expect(firstView(search, remembered)).toBe(want);
});
