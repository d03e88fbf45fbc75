// How many columns of tiles make the tiles as large as possible.

export interface GridSize {
  columns: number;
  rows: number; // that are in view
  width: number; // of a tile, px
  height: number;
  /** More tiles than fit in view: the grid scrolls. */
  scrolls: boolean;
}

/** As many people as are shown at once, unless said otherwise; with more the grid scrolls. */
export const MAX_IN_VIEW = 12;

const ASPECT = 16 / 9;

/**
 * The best grid for count tiles of 16:9 in an area of width by height px with a gap between tiles. In a tall window tiles may be as tall
 * as 4:3, so that a phone held upright is better filled; what is cut off at the sides is an eighth each.
 */
export function bestGrid(
  count: number,
  area: { width: number; height: number },
  gap: number,
  most = MAX_IN_VIEW,
): GridSize {
  const shown = Math.max(1, Math.min(count, most));
  const tallest = area.width < area.height ? 4 / 3 : ASPECT;
  let best: GridSize = { columns: 1, rows: shown, width: 0, height: 0, scrolls: count > most };
  for (let columns = 1; columns <= shown; columns++) {
    const rows = Math.ceil(shown / columns);
    const cellWidth = Math.max(0, (area.width - gap * (columns - 1)) / columns);
    const cellHeight = Math.max(0, (area.height - gap * (rows - 1)) / rows);
    const width = Math.min(cellWidth, cellHeight * ASPECT);
    const height = Math.min(cellHeight, width / tallest);
    if (width * height > best.width * best.height) {
      best = { ...best, columns, rows, width: Math.floor(width), height: Math.floor(height) };
    }
  }
  return best;
}
