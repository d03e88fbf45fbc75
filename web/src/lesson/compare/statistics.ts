// The distribution over runs. Pure.

import { LANES, type LaneName, type LaneRun, type Run, type RunStyle } from './types.ts';

/** The value that a share of all does not exceed (nearest rank); NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** A row of the table. */
export interface Row {
  lane: LaneName;
  runs: number;
  /** Of the longest gap of each run, ms. */
  median: number;
  p95: number;
  longest: number;
  /** In all runs. */
  freezes: number;
  /** Runs with a freeze. */
  frozenRuns: number;
  /** Medians of a run. */
  lostMs: number;
  bytes: number;
}

export function ofStyle(runs: readonly Run[], style: RunStyle): Run[] {
  return runs.filter((r) => r.style === style);
}

export function laneRuns(runs: readonly Run[], lane: LaneName): LaneRun[] {
  return runs.map((r) => r[lane]);
}

export function rows(runs: readonly Run[]): Row[] {
  return LANES.map((lane) => {
    const all = laneRuns(runs, lane);
    const gaps = all.map((r) => r.longest_gap_ms);
    return {
      lane,
      runs: all.length,
      median: quantile(gaps, 0.5),
      p95: quantile(gaps, 0.95),
      longest: quantile(gaps, 1),
      freezes: all.reduce((n, r) => n + r.freezes, 0),
      frozenRuns: all.filter((r) => r.freezes > 0).length,
      lostMs: quantile(
        all.map((r) => r.lost_ms),
        0.5,
      ),
      bytes: quantile(
        all.map((r) => r.bytes),
        0.5,
      ),
    };
  });
}

/** People with a run. */
export function people(runs: readonly Run[]): number {
  return new Set(runs.map((r) => r.seat)).size;
}
