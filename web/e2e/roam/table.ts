// What was measured, as a table for people and as numbers for programs.

import { quantile } from '../bench/stats.ts';
import type { Change } from './changes.ts';
import { type MoverKind, TITLES } from './movers.ts';
import { type Direction, NEVER_MS, type Result } from './scene.ts';

interface Summary {
  mover: MoverKind;
  change: Change;
  runs: number;
  verdicts: Record<string, number>;
  up: Spread;
  down: Spread;
}

/** Milliseconds. A direction that never came back counts as Infinity, which is null in JSON; `never` counts them. */
interface Spread {
  measured: number;
  never: number;
  drawn: boolean;
  median: number;
  worst: number;
  /** Median of Direction.back. */
  back: number;
  /** Median of the longest gap in the two seconds before. */
  before: number;
}

export function summarize(results: Result[]): Summary[] {
  const groups = new Map<string, Result[]>();
  for (const r of results) {
    const key = `${r.mover} ${r.change}`;
    groups.set(key, [...(groups.get(key) ?? []), r]);
  }
  return [...groups.values()].map((all) => {
    const first = all[0] as Result;
    const verdicts: Record<string, number> = {};
    for (const r of all) verdicts[r.verdict] = (verdicts[r.verdict] ?? 0) + 1;
    const of = (way: 'up' | 'down') => spread(all.map((r) => r[way]));
    return {
      mover: first.mover,
      change: first.change,
      runs: all.length,
      verdicts,
      up: of('up'),
      down: of('down'),
    };
  });
}

function spread(all: Direction[]): Spread {
  // An arrival that nobody reported is not known; a frame that was not drawn is known not to have come.
  const known = all.filter((d) => d.drawn || d.gap !== null);
  const gaps = known.map((d) => d.gap ?? Number.POSITIVE_INFINITY);
  const backs = all.map((d) => d.back).filter((b) => b !== null);
  const befores = all.map((d) => d.before).filter((b) => b !== null);
  return {
    measured: known.length,
    never: gaps.filter((g) => g === Number.POSITIVE_INFINITY).length,
    drawn: all.every((d) => d.drawn),
    median: quantile(gaps, 0.5),
    worst: quantile(gaps, 1),
    back: quantile(backs, 0.5),
    before: quantile(befores, 0.5),
  };
}

const HEADS = [
  'client',
  'change',
  'runs',
  'verdict',
  'up',
  'down',
  'back after (up / down)',
  'before (up / down)',
];

export function table(all: Summary[]): string {
  const lines = [HEADS];
  for (const s of all) {
    const verdicts = Object.entries(s.verdicts).map(([v, n]) => `${v} ${n}`);
    lines.push([
      TITLES[s.mover],
      s.change,
      String(s.runs),
      verdicts.join(', '),
      gaps(s.up),
      gaps(s.down),
      `${ms(s.up.back)} / ${ms(s.down.back)}`,
      `${ms(s.up.before)} / ${ms(s.down.before)}`,
    ]);
  }
  const widths = HEADS.map((_, i) => Math.max(...lines.map((l) => (l[i] ?? '').length)));
  const row = (cells: string[]) => cells.map((c, i) => c.padEnd(widths[i] ?? 0)).join('  ');
  return [...lines.map((l) => row(l).trimEnd()), '', LEGEND].join('\n');
}

const LEGEND = `up, down: longest gap between drawn frames, median / worst, ms; up is what the viewer sees of the one who walks, down what
that one sees of the test participant; "*" is what a participant told the server: Firefox of drawn frames, a native participant of arrivals. Never: not within ${NEVER_MS / 1000} s. Back after: where there was no network for a while, median from the moment that there was one
again to the first frame. Before: median of the longest gap in as much time just before the change, so what the machine's load does.`;

function gaps(s: Spread): string {
  return s.measured === 0 ? '–' : `${ms(s.median)} / ${ms(s.worst)}${s.drawn ? '' : ' *'}`;
}

function ms(v: number): string {
  return Number.isNaN(v) ? '–' : v === Number.POSITIVE_INFINITY ? 'never' : v.toFixed(0);
}
