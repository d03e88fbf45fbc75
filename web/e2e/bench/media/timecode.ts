// A time of day that a machine can read from a picture, after a video codec has had it: 32 large blocks, black or white, in two rows along the picture's
// upper edge. 24 bits are the time in milliseconds, so it repeats after 4.6 hours; 8 are a checksum, without which a block that the codec smeared would
// be read as another time.
//
// These functions run in pages, as source text: they use nothing from outside.

/** Blocks in a row. A block's side is this part of the picture's width; 40 pixels at 640. */
export const COLUMNS = 16;
export const ROWS = 2;

/** The blocks from left to right and top to bottom, true for white. */
export function encode(ms: number): boolean[] {
  const time = Math.floor(ms) % 2 ** 24;
  const sum = ((time & 255) * 3 + ((time >> 8) & 255) * 5 + ((time >> 16) & 255) * 7 + 0x5a) & 255;
  return Array.from({ length: 32 }, (_, i) => ((i < 24 ? time >> i : sum >> (i - 24)) & 1) === 1);
}

/** The time from the blocks' brightness, 0 to 255; null if it cannot be read. */
export function decode(luma: readonly number[]): number | null {
  let time = 0;
  let sum = 0;
  for (let i = 0; i < 32; i++) {
    const y = luma[i] ?? 128;
    if (y > 80 && y < 176) return null;
    if (y < 128) continue;
    if (i < 24) time |= 1 << i;
    else sum |= 1 << (i - 24);
  }
  const right = ((time & 255) * 3 + ((time >> 8) & 255) * 5 + ((time >> 16) & 255) * 7 + 0x5a) & 255;
  return sum === right ? time : null;
}

/** How long before `now` a time that was read was, ms. */
export function age(now: number, time: number): number {
  return (((now - time) % 2 ** 24) + 2 ** 24) % 2 ** 24;
}
