import { describe, expect, it } from 'vitest';
import { type Place, speakerPlaces } from './layout.ts';

const GAP = 12;

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

describe('speakerPlaces', () => {
  for (const area of [
    { width: 1280, height: 640 },
    { width: 374, height: 560 },
    { width: 1880, height: 900 },
    { width: 320, height: 200 },
  ]) {
    for (const count of [1, 2, 3, 7, 12, 25]) {
      it(`gives ${count} tiles places in ${area.width} × ${area.height} that do not overlap, the first the largest`, () => {
        const places = speakerPlaces(count, area, GAP);
        expect(places).toHaveLength(count);
        for (const [i, p] of places.entries()) {
          expect(p.width).toBeGreaterThan(0);
          expect(p.height).toBeGreaterThan(0);
          expect(p.x).toBeGreaterThanOrEqual(0);
          expect(p.y).toBeGreaterThanOrEqual(-1);
          expect(p.x + p.width).toBeLessThanOrEqual(area.width + 1);
          expect(p.y + p.height).toBeLessThanOrEqual(area.height + 1);
          for (const q of places.slice(0, i)) {
            expect(overlap(p, q)).toBe(false);
            expect(p.width * p.height).toBeLessThanOrEqual(
              (places[0] as Place).width * (places[0] as Place).height,
            );
          }
        }
      });
    }
  }

  it('puts the others beside in a wide area and below in a tall one', () => {
    const [large, other] = speakerPlaces(2, { width: 1280, height: 640 }, GAP) as [Place, Place];
    expect(other.x).toBeGreaterThan(large.width);
    const [top, below] = speakerPlaces(2, { width: 374, height: 640 }, GAP) as [Place, Place];
    expect(below.y).toBeGreaterThan(top.height);
  });

  it('has nothing to place for nobody', () => {
    expect(speakerPlaces(0, { width: 100, height: 100 }, GAP)).toEqual([]);
  });
});
