import { describe, expect, it } from 'vitest';
import { bestGrid, MAX_IN_VIEW } from './grid.ts';

const gap = 12;
const desktop = { width: 1256, height: 600 };

describe('the grid', () => {
  it.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 2],
    [5, 3],
    [6, 3],
    [9, 3],
    [12, 4],
  ])('%d tiles on a wide window stand in %d columns', (count, columns) => {
    expect(bestGrid(count, desktop, gap).columns).toBe(columns);
  });

  it('stacks two tiles in a tall window', () => {
    expect(bestGrid(2, { width: 366, height: 640 }, gap)).toMatchObject({ columns: 1, rows: 2, width: 366 });
  });

  it('fits, is never flatter than 16:9 nor taller than 4:3, and is as good as any other number of columns', () => {
    for (const area of [
      desktop,
      { width: 1888, height: 860 },
      { width: 366, height: 640 },
      { width: 640, height: 200 },
    ]) {
      for (let count = 1; count <= MAX_IN_VIEW; count++) {
        const g = bestGrid(count, area, gap);
        expect(g.columns * g.rows).toBeGreaterThanOrEqual(count);
        expect(g.columns * g.width + gap * (g.columns - 1)).toBeLessThanOrEqual(area.width);
        expect(g.rows * g.height + gap * (g.rows - 1)).toBeLessThanOrEqual(area.height);
        expect(g.width / g.height).toBeLessThan(16 / 9 + 0.02);
        expect(g.width / g.height).toBeGreaterThan(4 / 3 - 0.02);
        for (let columns = 1; columns <= count; columns++) {
          const rows = Math.ceil(count / columns);
          const width = Math.min(
            (area.width - gap * (columns - 1)) / columns,
            (((area.height - gap * (rows - 1)) / rows) * 16) / 9,
          );
          expect(g.width * g.height).toBeGreaterThanOrEqual(
            Math.floor(width) * Math.floor((width * 9) / 16) - 2 * width,
          );
        }
      }
    }
  });

  it('scrolls past twelve with the tiles of twelve', () => {
    const twelve = bestGrid(12, desktop, gap);
    expect(twelve.scrolls).toBe(false);
    expect(bestGrid(30, desktop, gap)).toEqual({ ...twelve, scrolls: true });
  });

  it('survives a window without room', () => {
    expect(bestGrid(5, { width: 0, height: 0 }, gap)).toMatchObject({ width: 0, height: 0 });
  });
});
