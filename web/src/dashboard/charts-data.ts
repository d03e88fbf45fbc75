import type { Column, Series } from './series.ts';
import type { Range } from './view.ts';

export type Points = (number | null)[];

/** Samples further apart than this are not joined by a line: nothing was measured in between. */
const holeMs = 1500;

/**
 * The columns of the samples in the range, and one sample beyond on either side so that lines reach the border. Times in seconds, as uPlot wants
 * them; a hole gets a point without value.
 */
export function points(
  series: Series,
  names: readonly Column[],
  range: Range,
  scale: (column: Column, value: number) => number | null,
): Points[] {
  const first = Math.max(0, series.from(range.from) - 1);
  const last = Math.min(series.length - 1, series.from(range.to));
  const times: Points = [];
  const values: Points[] = names.map(() => []);
  for (let i = first; i <= last; i++) {
    const time = series.at('time', i);
    const before = i > first ? series.at('time', i - 1) : time;
    if (time - before > holeMs) {
      times.push((before + 1) / 1000);
      for (const column of values) column.push(null);
    }
    times.push(time / 1000);
    names.forEach((name, k) => {
      values[k]?.push(scale(name, series.at(name, i)));
    });
  }
  return [times, ...values];
}
