// QUIC variable-length integers (RFC 9000, section 16), up to what a number holds exactly.

/** Bytes of this program are always backed by a plain ArrayBuffer, so that they can be transferred. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Number of bytes that `value` takes: 1, 2, 4 or 8. */
export function varintSize(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x40000000) return 4;
  return 8;
}

/** Writes `value` at `at` and returns the position behind it. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a varint: ${value}`);
  const view = new DataView(out.buffer, out.byteOffset);
  switch (varintSize(value)) {
    case 1:
      out[at] = value;
      return at + 1;
    case 2:
      view.setUint16(at, 0x4000 | value);
      return at + 2;
    case 4:
      view.setUint32(at, (0x80000000 | value) >>> 0);
      return at + 4;
    default:
      view.setUint32(at, (0xc0000000 | Math.floor(value / 2 ** 32)) >>> 0);
      view.setUint32(at + 4, value >>> 0);
      return at + 8;
  }
}

/** Reads a varint at `at`. `null`: more bytes are needed. Throws RangeError above 2^53. */
export function readVarint(bytes: Uint8Array, at: number): { value: number; next: number } | null {
  if (at >= bytes.length) return null;
  const first = bytes[at] as number;
  const size = 1 << (first >> 6);
  if (at + size > bytes.length) return null;
  let value = first & 0x3f;
  for (let i = 1; i < size; i++) value = value * 256 + (bytes[at + i] as number);
  if (!Number.isSafeInteger(value)) throw new RangeError('varint above 2^53');
  return { value, next: at + size };
}
