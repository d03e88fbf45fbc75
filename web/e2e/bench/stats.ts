// Order statistics of a few dozen measurements.

export interface Spread {
  n: number;
  median: number;
  p95: number;
  max: number;
}

/** The smallest value that at least the share `q` of the values does not exceed (nearest rank). */
export function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export function spread(values: number[]): Spread {
  return {
    n: values.length,
    median: quantile(values, 0.5),
    p95: quantile(values, 0.95),
    max: quantile(values, 1),
  };
}

/** "84 / 120 / 131", or "–" if nothing was measured. */
export function show(s: Spread): string {
  return s.n === 0 ? '–' : [s.median, s.p95, s.max].map((v) => v.toFixed(0)).join(' / ');
}
