// Screens among the tiles: a tile of its own for each that is shared.

import type { Remote } from './types.ts';

export function shares(r: Remote): boolean {
  return r.tracks.some((t) => t.kind === 'video' && t.source === 'screen' && !t.muted);
}

/** The name of the tile of somebody's screen; their own tile has their id. */
export function screenOf(participant: string): string {
  return `${participant}/screen`;
}
