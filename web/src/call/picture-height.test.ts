import { describe, expect, it } from 'vitest';
import { pictureHeight } from './picture-height.ts';

describe('pictureHeight', () => {
  it.each([
    ['fills a box of its shape', { width: 640, height: 360 }, 16 / 9, true, 360],
    ['is fitted into a wide box', { width: 1000, height: 300 }, 16 / 9, true, 300],
    ['is fitted into a tall box', { width: 320, height: 900 }, 16 / 9, true, 180],
    ['covers a wide box', { width: 1600, height: 300 }, 16 / 9, false, 900],
    ['covers a tall box', { width: 320, height: 900 }, 16 / 9, false, 900],
    ['stands upright in a wide box', { width: 1600, height: 900 }, 9 / 16, true, 900],
    ['has no height in no box', { width: 0, height: 300 }, 16 / 9, false, 0],
  ])('%s', (_, box, aspect, whole, height) => {
    expect(pictureHeight(box, aspect, whole)).toBeCloseTo(height);
  });
});
