// How tall a picture is on the screen. Pure.

export interface Box {
  width: number;
  height: number;
}

/**
 * Height of a picture in a box, whatever of it is cut off, in the box's unit. `aspect` is its width by its height; `whole`: it is fitted into the box (object-fit:
 * contain), else it covers it.
 */
export function pictureHeight(box: Box, aspect: number, whole: boolean): number {
  if (box.width <= 0 || box.height <= 0) return 0;
  const fitting = box.width / aspect;
  return whole ? Math.min(box.height, fitting) : Math.max(box.height, fitting);
}
