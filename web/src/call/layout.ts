// Where the tiles go. Pure.

import { bestGrid } from './grid.ts';

/** 'grid': all tiles are alike; 'speaker': one is large and the others stand beside it. */
export type Layout = 'grid' | 'speaker';

export interface Area {
  width: number;
  height: number;
}

/** A tile's place in its area, px. */
export interface Place extends Area {
  x: number;
  y: number;
}

const SIDE = { share: 0.2, least: 120, most: 320 }; // of the others' column in a wide area
const BELOW = 0.62; // of a tall area's height is for the large tile, at most
const TALLEST = 3 / 4;

/** Places for count tiles that are all alike, all of them in view. */
export function gridPlaces(count: number, area: Area, gap: number): Place[] {
  return centred(count, { x: 0, y: 0, ...area }, gap);
}

/**
 * Places for count tiles of which the first is the large one. The others stand in a column at its right, or below it where the area is taller than wide; all
 * of them are in view.
 */
export function speakerPlaces(count: number, area: Area, gap: number): Place[] {
  if (count === 0) return [];
  if (count === 1) return gridPlaces(1, area, gap);
  const wide = area.width >= area.height;
  const side = Math.min(SIDE.most, Math.max(SIDE.least, area.width * SIDE.share));
  const large = wide
    ? { width: Math.max(0, area.width - side - gap), height: area.height }
    : { width: area.width, height: Math.min(area.width * TALLEST, area.height * BELOW) };
  const rest: Place = wide
    ? { x: large.width + gap, y: 0, width: side, height: area.height }
    : {
        x: 0,
        y: large.height + gap,
        width: area.width,
        height: Math.max(0, area.height - large.height - gap),
      };
  return [{ x: 0, y: 0, ...large }, ...centred(count - 1, rest, gap)];
}

/** Tiles in rows in the middle of a place. */
function centred(count: number, place: Place, gap: number): Place[] {
  const { columns, width, height } = bestGrid(count, place, gap, count);
  const rows = Math.ceil(count / columns);
  const top = place.y + (place.height - rows * height - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = place.x + (place.width - inRow * width - (inRow - 1) * gap) / 2;
    return {
      x: Math.round(left + (i % columns) * (width + gap)),
      y: Math.round(top + row * (height + gap)),
      width,
      height,
    };
  });
}
