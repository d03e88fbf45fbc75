// Draws a picture of the recording.

import { initials } from '../../lobby/rules.ts';
import type { Area } from '../layout.ts';
import { fitted, type SceneTile, SIZE } from './scene.ts';

const GROUND = '#0b141a';
const TILE = '#1b2a33';
const WORDS = '#ffffff';
const PLATE = 'rgb(11 20 26 / 72%)';
const FONT = 'system-ui, sans-serif';

export interface Drawable extends Area {
  image: CanvasImageSource;
}

/** Draws the tiles with what `imageOf` has of each; one that it has nothing of, or that cannot be drawn, gets initials. */
export function draw(
  context: CanvasRenderingContext2D,
  tiles: SceneTile[],
  imageOf: (tile: SceneTile) => Drawable | null,
): void {
  context.fillStyle = GROUND;
  context.fillRect(0, 0, SIZE.width, SIZE.height);
  for (const tile of tiles) {
    const { x, y, width, height } = tile.place;
    context.fillStyle = TILE;
    context.fillRect(x, y, width, height);
    const drawable = tile.picture ? imageOf(tile) : null;
    if (!drawable || !drawImage(context, tile, drawable)) drawInitials(context, tile);
    drawName(context, tile);
  }
}

function drawImage(context: CanvasRenderingContext2D, tile: SceneTile, drawable: Drawable): boolean {
  if (drawable.width === 0 || drawable.height === 0) return false;
  const { from, to } = fitted(drawable, tile.place, tile.whole);
  try {
    context.drawImage(
      drawable.image,
      ...([from.x, from.y, from.width, from.height] as const),
      ...([to.x, to.y, to.width, to.height] as const),
    );
    return true;
  } catch {
    return false; // nothing was painted on it yet
  }
}

function drawInitials(context: CanvasRenderingContext2D, { name, place }: SceneTile): void {
  context.fillStyle = WORDS;
  context.font = `600 ${Math.round(place.height / 4)}px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(initials(name), place.x + place.width / 2, place.y + place.height / 2, place.width);
}

function drawName(context: CanvasRenderingContext2D, { name, place }: SceneTile): void {
  const size = place.height > 300 ? 20 : 14;
  const pad = size / 2;
  context.font = `500 ${size}px ${FONT}`;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const width = Math.min(context.measureText(name).width, place.width - 4 * pad);
  const top = place.y + place.height - 2 * size - pad;
  context.fillStyle = PLATE;
  context.fillRect(place.x + pad, top, width + 2 * pad, 2 * size);
  context.fillStyle = WORDS;
  context.fillText(name, place.x + 2 * pad, top + size, width);
}
