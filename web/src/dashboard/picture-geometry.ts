// Where things stand in the picture of the paths: participant left, one row per network, server right. Pure.

import type { LinkInfo } from '../call/types.ts';
import type { ConnectionSnapshot, PathInfo } from '../protocol/messages.gen.ts';
import { networkTitle } from './links.ts';

export interface Size {
  width: number;
  row: number; // height of a row
  node: number; // radius of participant and server
  edge: number; // from the border to a node's centre
  pill: { width: number; height: number };
  head: number; // above the first row
  foot: number;
}

export const wide: Size = {
  width: 1000,
  row: 112,
  node: 46,
  edge: 92,
  pill: { width: 300, height: 84 },
  head: 8,
  foot: 8,
};
export const narrow: Size = {
  width: 400,
  row: 98,
  node: 27,
  edge: 36,
  pill: { width: 204, height: 80 },
  head: 4,
  foot: 8,
};

export type RowState = 'active' | 'validated' | 'probing' | 'retired' | 'failed' | 'unused';

export interface Row {
  key: string;
  network: string; // '' if unknown
  title: string;
  y: number;
  /** The path that the row is about: the one in use, else the newest. */
  path: PathInfo | null;
  state: RowState;
  /** Older paths over the same network. */
  others: number;
  d: string; // the line, from participant to server
  emulated: boolean;
}

export interface Picture {
  height: number;
  middle: number;
  participant: { x: number; y: number };
  server: { x: number; y: number };
  rows: Row[];
  active: Row | null;
}

const mostRows = 4;

export function picture(snapshot: ConnectionSnapshot, link: LinkInfo | undefined, size: Size): Picture {
  const rows = chooseRows(snapshot, link);
  const count = Math.max(1, rows.length);
  const height = size.head + Math.max(count, 2) * size.row + size.foot;
  const middle = size.head + (Math.max(count, 2) * size.row) / 2;
  const first = middle - (count * size.row) / 2 + size.row / 2;
  const placed = rows.map((row, i) => {
    const y = first + i * size.row;
    return { ...row, y, d: line(size, middle, y) };
  });
  return {
    height,
    middle,
    participant: { x: size.edge, y: middle },
    server: { x: size.width - size.edge, y: middle },
    rows: placed,
    active: placed.find((r) => r.state === 'active') ?? null,
  };
}

function chooseRows(snapshot: ConnectionSnapshot, link: LinkInfo | undefined): Omit<Row, 'y' | 'd'>[] {
  const keys: string[] = [];
  const networks = new Map<string, string>(); // key → network
  const add = (key: string, network: string) => {
    if (networks.has(key)) return;
    keys.push(key);
    networks.set(key, network);
  };
  // The lab's networks stand in the lab's order and are there before they are used: so a row never moves.
  for (const n of link?.networks ?? []) add(n.name, n.name);
  for (const p of snapshot.paths) add(p.network || `path ${p.id}`, p.network ?? '');
  const rows = keys.map((key) => {
    const network = networks.get(key) ?? '';
    const own = snapshot.paths.filter((p) => (p.network || `path ${p.id}`) === key);
    const path = leading(own);
    const ended = snapshot.state === 'closed' && path?.state !== 'failed';
    return {
      key,
      network,
      title: network ? networkTitle(network, link) : `Path ${path?.id ?? ''}`,
      path,
      state: !path ? ('unused' as const) : ended ? ('retired' as const) : rowState(path.state),
      others: Math.max(0, own.length - 1),
      emulated: link?.emulated === true && link.networks.some((n) => n.name === network),
    };
  });
  if (rows.length <= mostRows) return rows;
  const kept = new Set(
    rows
      .toSorted(
        (a, b) =>
          Number(b.state === 'active') - Number(a.state === 'active') ||
          (b.path?.id ?? -1) - (a.path?.id ?? -1),
      )
      .slice(0, mostRows),
  );
  return rows.filter((r) => kept.has(r));
}

function rowState(state: string): RowState {
  return state === 'active' || state === 'validated' || state === 'probing' || state === 'failed'
    ? state
    : 'retired';
}

const rank = ['active', 'validated', 'probing'];

function leading(paths: readonly PathInfo[]): PathInfo | null {
  for (const state of rank) {
    const found = paths.findLast((p) => p.state === state);
    if (found) return found;
  }
  return paths.at(-1) ?? null;
}

/** From the participant over the row's network to the server; the same commands for every row, so that one can turn into another. */
function line(size: Size, middle: number, y: number): string {
  const a = size.edge;
  const b = size.width - size.edge;
  const l = (size.width - size.pill.width) / 2;
  const r = (size.width + size.pill.width) / 2;
  const bend = (l - a) * 0.55;
  return `M ${a} ${middle} C ${a + bend} ${middle} ${l - bend} ${y} ${l} ${y} L ${r} ${y} C ${r + bend} ${y} ${b - bend} ${middle} ${b} ${middle}`;
}

/** How fast packets are drawn, in seconds per dash: five speeds, so that a jittering rate does not make them stutter. 0: nothing flows. */
export function pace(bps: number): number {
  if (!(bps > 2000)) return 0;
  const level = Math.min(4, Math.max(0, Math.floor(Math.log10(bps / 10_000) * 1.6)));
  return [1.6, 1.1, 0.75, 0.5, 0.34][level] ?? 1;
}
