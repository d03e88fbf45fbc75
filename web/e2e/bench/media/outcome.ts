// What a scene measured, as lines for people and as numbers for programs.

import { show, spread } from '../stats.ts';

export interface Line {
  what: string;
  measured: string;
  /** Absent where none is set. */
  goal?: string;
  /** Null if it could not be judged, and the note says why. */
  met?: boolean | null;
}

export interface Outcome {
  scene: string;
  title: string;
  lines: Line[];
  notes: string[];
  /** All that was measured. */
  raw: unknown;
}

export const ms = (v: number): string => (Number.isNaN(v) ? '–' : `${v.toFixed(0)} ms`);

export const percent = (share: number): string =>
  Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)} %`;

/** Bits per second. */
export const rate = (bps: number): string => (Number.isNaN(bps) ? '–' : `${(bps / 1e6).toFixed(2)} Mbit/s`);

export function line(what: string, measured: string): Line {
  return { what, measured };
}

/** A measurement that must not be more than a limit; NaN was not measured, and does not meet it. */
export function atMost(what: string, measured: number, limit: number): Line {
  return { what, measured: ms(measured), goal: `≤ ${ms(limit)}`, met: measured <= limit };
}

/** Median, 95th percentile and worst of the lip sync error, of which the sign does not matter here. */
export function lipSyncError(errors: number[]): string {
  return `${show(spread(errors.map(Math.abs)))} ms`;
}

export function print({ title, lines, notes }: Outcome): string {
  const cells = lines.map((l) => [
    l.what,
    l.measured,
    l.goal ?? '',
    l.goal ? { true: '✓ met', false: '✗ missed', null: '? not judged' }[String(l.met ?? null)] : '',
  ]);
  const widths = [0, 1, 2].map((i) => Math.max(...cells.map((c) => c[i]?.length ?? 0)));
  const rows = cells.map((c) =>
    `  ${c.map((text, i) => (text ?? '').padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd(),
  );
  return [title, ...rows, ...notes.map((n) => `  (${n})`)].join('\n');
}
