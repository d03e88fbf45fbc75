import { describe, expect, it } from 'vitest';
import { emptyStats } from '../../media/stats.ts';
import { initialState } from '../state.ts';
import type { Local, Remote, RemoteTrack } from '../types.ts';
import { fitted, OWN_SCREEN, SELF, SIZE, sceneOf } from './scene.ts';

const video = (source: 'camera' | 'screen'): RemoteTrack => ({
  id: source === 'camera' ? 2 : 3,
  kind: 'video',
  source,
  codec: 'vp8',
  encrypted: false,
  muted: false,
});

const remote = (id: string, ...tracks: RemoteTrack[]): Remote => ({
  id,
  name: id.toUpperCase(),
  presence: 'connected',
  test: false,
  hand: 0,
  recording: false,
  tracks,
  level: 0,
  speaking: false,
  stats: { ...emptyStats(), width: 640, height: 360, framesRendered: 9 },
});

const scene = (remotes: Remote[], large: string | null, local: Partial<Local> = {}) =>
  sceneOf({ remotes, local: { ...initialState.local, name: 'Me', camera: true, ...local } }, large);

describe('a picture of the recording', () => {
  it.each([0, 1, 2, 5, 12, 40])('has everybody of %i and oneself, nobody over another', (count) => {
    const remotes = Array.from({ length: count }, (_, i) => remote(`p${i}`, video('camera')));
    for (const large of [null, count > 0 ? 'p0' : SELF]) {
      const tiles = scene(remotes, large);
      expect(tiles.map((t) => t.key)).toEqual([...remotes.map((r) => r.id), SELF]);
      for (const { place: a, key } of tiles) {
        expect(a.x >= 0 && a.y >= 0 && a.x + a.width <= SIZE.width && a.y + a.height <= SIZE.height).toBe(
          true,
        );
        for (const { place: b } of tiles.filter((t) => t.key !== key)) {
          const apart =
            a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          expect(apart).toBe(true);
        }
      }
    }
  });

  it('is as large as can be alone', () => {
    expect(scene([], null)[0]?.place).toEqual({ x: 0, y: 0, ...SIZE });
  });

  it('has who is large first, and a screen beside who shares it', () => {
    const people = [remote('ann'), remote('bob', video('camera'), video('screen'))];
    expect(scene(people, 'bob/screen').map((t) => t.key)).toEqual(['bob/screen', 'ann', 'bob', SELF]);
    const [large, small] = scene(people, 'bob/screen').map((t) => t.place);
    expect((large?.width ?? 0) / (small?.width ?? 1)).toBeGreaterThan(2);
    expect(scene(people, 'gone').map((t) => t.key)).toEqual(['ann', 'bob', 'bob/screen', SELF]);
    expect(scene(people, 'bob', { sharing: true })[0]?.key).toBe(OWN_SCREEN);
  });

  it('has initials where there is no picture', () => {
    const muted = { ...video('camera'), muted: true };
    const early = { ...remote('eve', video('camera')), stats: emptyStats() };
    const tiles = scene([remote('ann'), remote('bob', muted), early], null, { camera: false });
    expect(tiles.map((t) => t.picture)).toEqual([false, false, false, false]);
    expect(scene([remote('ann', video('camera'))], null).map((t) => t.picture)).toEqual([true, true]);
  });
});

describe('a picture in its place', () => {
  const place = { x: 100, y: 50, width: 160, height: 90 };
  it.each([
    ['all of a tall one, with bars', { width: 90, height: 180 }, true, [0, 0, 90, 180], [157.5, 50, 45, 90]],
    ['the middle of a tall one', { width: 320, height: 360 }, false, [0, 90, 320, 180], [100, 50, 160, 90]],
    ['the middle of a wide one', { width: 640, height: 180 }, false, [160, 0, 320, 180], [100, 50, 160, 90]],
    [
      'what has the form of the place',
      { width: 320, height: 180 },
      true,
      [0, 0, 320, 180],
      [100, 50, 160, 90],
    ],
  ])('%s', (_, picture, whole, from, to) => {
    const list = (p: typeof place) => [p.x, p.y, p.width, p.height];
    const got = fitted(picture, place, whole);
    expect([list(got.from), list(got.to)]).toEqual([from, to]);
  });
});
