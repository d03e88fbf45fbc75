import type { Column, Series } from './series.ts';
import type { Range } from './view.ts';

export type Points = (number | null)[];

/** Samples further apart than this are not joined by a line: nothing was measured in between. */
const holeMs = 1500;

/**
 * The columns of the samples in the range, and one sample beyond on either side so that lines reach the border; several series (a participant's
 * connections) follow one another. Times in seconds, as uPlot wants them; a hole gets a point without value.
 */
export function points(
  all: readonly Series[],
  names: readonly Column[],
  range: Range,
  scale: (column: Column, value: number) => number | null,
): Points[] {
  const times: Points = [];
  const values: Points[] = names.map(() => []);
  let before = Number.NaN; // the sample before, ms
  for (const series of all) {
    const first = Math.max(0, series.from(range.from) - 1);
    const last = Math.min(series.length - 1, series.from(range.to));
    for (let i = first; i <= last; i++) {
      const time = series.at('time', i);
      // Two connections overlap while one takes over from the other; uPlot needs times that rise.
      if (time <= before) continue;
      if (time - before > holeMs) {
        times.push((before + 1) / 1000);
        for (const column of values) column.push(null);
      }
      before = time;
      times.push(time / 1000);
      names.forEach((name, k) => {
        values[k]?.push(scale(name, series.at(name, i)));
      });
    }
  }
  return [times, ...values];
}
