// What a picture of the recording shows, and where: the layout's own arithmetic on a canvas of a fixed size. Pure.

import { type Area, gridPlaces, type Place, speakerPlaces } from '../layout.ts';
import { screenOf, shares } from '../screens.ts';
import type { CallState } from '../types.ts';

export const SIZE: Area = { width: 1280, height: 720 };

const GAP = 8;

/** The keys of the own tiles. */
export const SELF = 'self';
export const OWN_SCREEN = 'self/screen';

export interface SceneTile {
  key: string;
  /** Whose picture it is, and which; null: of this person. */
  participant: string | null;
  source: 'camera' | 'screen';
  name: string;
  /** There is a picture to draw, and not the initials. */
  picture: boolean;
  /** It is shown to its edges. */
  whole: boolean;
  place: Place;
}

/** The tiles of a recording; `large` is the key of the one that is large for who records, null if all are alike. An own screen is large in any case. */
export function sceneOf(state: Pick<CallState, 'local' | 'remotes'>, large: string | null): SceneTile[] {
  const { local, remotes } = state;
  const tiles: Omit<SceneTile, 'place'>[] = remotes.map((r) => ({
    key: r.id,
    participant: r.id,
    source: 'camera',
    name: r.name,
    picture: r.stats.framesRendered > 0 && r.tracks.some((t) => t.source === 'camera' && !t.muted),
    whole: r.test || r.stats.height > r.stats.width,
  }));
  for (const r of remotes.filter(shares)) {
    const picture = r.stats.screen.framesRendered > 0;
    const name = `${r.name}’s screen`;
    tiles.push({ key: screenOf(r.id), participant: r.id, source: 'screen', name, picture, whole: true });
  }
  const own = { participant: null, name: local.name };
  if (local.sharing) {
    const name = `${local.name}’s screen`;
    tiles.push({ ...own, key: OWN_SCREEN, source: 'screen', name, picture: true, whole: true });
  }
  tiles.push({ ...own, key: SELF, source: 'camera', picture: local.camera, whole: false });

  const first = tiles.find((t) => t.key === (local.sharing ? OWN_SCREEN : large));
  const ordered = first ? [first, ...tiles.filter((t) => t !== first)] : tiles;
  const places = (first ? speakerPlaces : gridPlaces)(tiles.length, SIZE, GAP);
  return ordered.flatMap((tile, i) => {
    const place = places[i];
    return place && place.width > 0 && place.height > 0 ? [{ ...tile, place }] : [];
  });
}

/** Which part of a picture goes where in its place: all of it with bars, or the middle of it without. */
export function fitted(picture: Area, place: Place, whole: boolean): { from: Place; to: Place } {
  const x = place.width / picture.width;
  const y = place.height / picture.height;
  if (whole) {
    const scale = Math.min(x, y);
    const to = middle({ width: picture.width * scale, height: picture.height * scale }, place);
    return { from: { x: 0, y: 0, ...picture }, to };
  }
  const scale = Math.max(x, y);
  const from = middle(
    { width: place.width / scale, height: place.height / scale },
    { x: 0, y: 0, ...picture },
  );
  return { from, to: place };
}

function middle(area: Area, of: Place): Place {
  return { ...area, x: of.x + (of.width - area.width) / 2, y: of.y + (of.height - area.height) / 2 };
}
