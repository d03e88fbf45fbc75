import { expect, test } from 'vitest';
import { columnsFor } from './grid.ts';

test.each([
  ['nobody', 0, 1520, 860, 1],
  ['one', 1, 1520, 860, 1],
  ['a few in a row', 4, 1520, 860, 4],
  ['a class on a projector', 30, 1520, 860, 5],
  ['a class on a laptop', 30, 980, 575, 5],
  ['a hall on a projector', 60, 1520, 860, 7],
  ['a hall on a laptop, which scrolls', 60, 980, 575, 5],
  ['before anything is measured', 30, 0, 0, 1],
])('%s', (_, count, width, height, want) => {
  expect(columnsFor(count, { width, height })).toBe(want);
});

test.each([
  [30, 1520, 860, 190, 90],
  [60, 1520, 860, 190, 78],
  [30, 980, 575, 175, 78],
])('%i tiles in %i × %i have room for their words', (count, width, height, wide, high) => {
  const columns = columnsFor(count, { width, height });
  const rows = Math.ceil(count / columns);
  expect((width - 10 * (columns - 1)) / columns).toBeGreaterThanOrEqual(wide);
  expect((height - 10 * (rows - 1)) / rows).toBeGreaterThanOrEqual(high);
});
