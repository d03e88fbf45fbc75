import { describe, expect, it } from 'vitest';
import { addressOf, STEPS, stepOf } from './place.ts';

describe('the step of an address', () => {
  it.each([
    ['', '', 1],
    ['#3', '', 3],
    ['', '?step=3', 3],
    ['#2', '?step=3', 2],
    ['#0', '', 1],
    ['#7', '', 1],
    ['#33', '', 1],
    ['#key=abc', '?step=6', 6],
    ['', '?step=-1', 1],
    ['', '?step=', 1],
    ['', '?transport=websocket', 1],
  ])('%s %s is %i', (fragment, query, step) => expect(stepOf(fragment, query)).toBe(step));

  it('is found again at the address of each step', () => {
    for (let step = 1; step <= STEPS; step++) expect(stepOf(addressOf(step).slice(7), '')).toBe(step);
  });
});
