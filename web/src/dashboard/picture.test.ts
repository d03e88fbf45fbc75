import { describe, expect, test } from 'vitest';
import type { LinkInfo } from '../call/types.ts';
import { snapshot } from './fixture.ts';
import { group, inUse, shorten } from './ids.ts';
import { narrow, pace, picture, wide } from './picture-geometry.ts';

const network = (name: string, title: string) => ({
  name,
  title,
  delay_ms: 5,
  jitter_ms: 0,
  loss: 0,
  rate_bps: 0,
  active: false,
  source: '',
  loss_now: 0,
  rate_now: 0,
});
const lab: LinkInfo = {
  id: 'l1',
  active: 'wifi',
  networks: [network('wifi', 'Wi-Fi'), network('cellular', 'Cellular')],
  switching: false,
  style: 'hard',
  progress: 0,
  emulated: true,
};
const path = (id: number, state: string, net = '') => ({
  id,
  state,
  local: 's:1',
  remote: `r:${id}`,
  since: '',
  ...(net && { network: net }),
});

describe('rows', () => {
  test('the lab’s networks keep their places, used or not', () => {
    const before = picture(snapshot(), lab, wide);
    expect(before.rows.map((r) => [r.title, r.state])).toEqual([
      ['Wi-Fi', 'active'],
      ['Cellular', 'unused'],
    ]);
    const after = picture(
      snapshot({ paths: [path(0, 'retired', 'wifi'), path(1, 'active', 'cellular')] }),
      lab,
      wide,
    );
    expect(after.rows.map((r) => [r.title, r.state, r.y])).toEqual([
      ['Wi-Fi', 'retired', before.rows[0]?.y],
      ['Cellular', 'active', before.rows[1]?.y],
    ]);
    expect(after.active?.key).toBe('cellular');
  });
  test('of several paths over one network the one that matters is shown', () => {
    const p = picture(
      snapshot({
        paths: [path(0, 'retired', 'wifi'), path(1, 'active', 'wifi'), path(2, 'retired', 'wifi')],
      }),
      lab,
      wide,
    );
    expect(p.rows[0]).toMatchObject({ state: 'active', others: 2 });
    expect(p.rows[0]?.path?.id).toBe(1);
  });
  test('without names each path is a row, and not more than fit', () => {
    const many = Array.from({ length: 9 }, (_, i) => path(i, i === 2 ? 'active' : 'retired'));
    const p = picture(snapshot({ paths: many }), undefined, narrow);
    expect(p.rows).toHaveLength(4);
    expect(p.rows.map((r) => r.path?.id)).toEqual([2, 6, 7, 8]);
    expect(p.active?.path?.id).toBe(2);
  });
  test('a closed connection uses no path', () => {
    expect(picture(snapshot({ state: 'closed' }), lab, wide).active).toBeNull();
  });
  test('all lines have the same commands, so that one can turn into another', () => {
    const p = picture(snapshot(), lab, wide);
    const commands = p.rows.map((r) => r.d.replace(/[-\d.\s]/g, ''));
    expect(new Set(commands).size).toBe(1);
    expect(p.rows[0]?.d).not.toBe(p.rows[1]?.d);
  });
  test('everything stands within the picture', () => {
    for (const size of [wide, narrow]) {
      const p = picture(snapshot(), lab, size);
      for (const row of p.rows) {
        expect(row.y - size.pill.height / 2).toBeGreaterThanOrEqual(0);
        expect(row.y + size.pill.height / 2).toBeLessThanOrEqual(p.height);
      }
    }
  });
});

test('packets flow faster with the rate, and not at all without', () => {
  const paces = [0, 5000, 100_000, 1e6, 50e6].map(pace);
  expect(paces[0]).toBe(0);
  for (let i = 2; i < paces.length; i++) expect(paces[i] ?? 9).toBeLessThanOrEqual(paces[i - 1] ?? 0);
});

describe('connection IDs', () => {
  const id = (
    sequence: number,
    state: string,
    issuer: 'server' | 'client' = 'server',
    hex = `aa0${sequence}`,
  ) => ({ id: hex, sequence, issuer, state });
  test('each issuer’s, in order, with words for their state', () => {
    const g = group(
      [id(2, 'issued'), id(1, 'in_use'), id(0, 'retired'), id(0, 'in_use', 'client', '')],
      'server',
    );
    expect(g.chips.map((c) => [c.sequence, c.word])).toEqual([
      [0, 'retired'],
      [1, 'in use'],
      [2, 'ready'],
    ]);
  });
  test('an empty ID says so', () => {
    expect(group([id(0, 'in_use', 'client', '')], 'client').chips[0]).toMatchObject({
      text: 'empty, of zero length',
      word: 'in use',
    });
  });
  test('old retired ones are counted, not shown', () => {
    const g = group(
      Array.from({ length: 12 }, (_, i) => id(i, i < 10 ? 'retired' : 'issued')),
      'server',
    );
    expect(g.hidden).toBe(6);
    expect(g.chips.map((c) => c.sequence)).toEqual([6, 7, 8, 9, 10, 11]);
  });
  test('in use and shortened', () => {
    expect(inUse([id(0, 'retired'), id(1, 'in_use')], 'server')?.sequence).toBe(1);
    expect(shorten('00112233445566778899', 9)).toBe('0011…8899');
    expect(shorten('0011', 9)).toBe('0011');
  });
});
