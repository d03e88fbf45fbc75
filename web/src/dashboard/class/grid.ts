// How many columns of tiles there are: as many as make the tiles largest. Pure.

/** Between tiles, px. */
export const gap = 10;
/** No tile is wider, px: its words need no more. As in class.css. */
const widest = 330;
/** None is narrower, if there is more than one column: what does not fit is scrolled to. */
const narrowest = 180;
/** And none lower, px. As in class.css. */
const shortest = 84;
/** Three short lines want to be so many times as wide as high. */
const aspect = 2.2;

export function columnsFor(count: number, area: { width: number; height: number }): number {
  let best = { columns: 1, size: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const width = Math.min(widest, (area.width - gap * (columns - 1)) / columns);
    if (columns > 1 && width < narrowest) break;
    const height = (area.height - gap * (rows - 1)) / rows;
    const size = Math.min(width / aspect, Math.max(height, shortest));
    if (size >= best.size) best = { columns, size };
  }
  return best.columns;
}
