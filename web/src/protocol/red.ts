// Redundant audio (RFC 2198): a packet carries its predecessor again, so that a single lost datagram is not heard.
//
//	|1|   block PT  |  timestamp offset (14)  |  block length (10)  |  redundant, one each
//	|0|   block PT  |  data of the blocks in the same order ...

import type { Bytes } from './varint.ts';

export const MAX_RED_OFFSET = (1 << 14) - 1;
export const MAX_RED_LENGTH = (1 << 10) - 1;
const MAX_BLOCKS = 8;

export interface REDBlock {
  payloadType: number;
  offset: number; // timestamp units before the packet's timestamp; 0 for the primary block
  data: Bytes;
}

/** Payload of `blocks`, the primary one last. A redundant block that does not fit the header is left out. */
export function writeRED(blocks: REDBlock[]): Bytes {
  const last = blocks.length - 1;
  const kept = blocks.filter(
    (b, i) => i === last || (b.offset <= MAX_RED_OFFSET && b.data.length <= MAX_RED_LENGTH),
  );
  const size = kept.reduce((n, b) => n + b.data.length, 4 * (kept.length - 1) + 1);
  const out = new Uint8Array(size);
  let p = 0;
  for (const b of kept.slice(0, -1)) {
    out[p++] = 0x80 | b.payloadType;
    out[p++] = b.offset >> 6;
    out[p++] = ((b.offset & 0x3f) << 2) | (b.data.length >> 8);
    out[p++] = b.data.length & 0xff;
  }
  out[p++] = kept.at(-1)?.payloadType ?? 0;
  for (const b of kept) {
    out.set(b.data, p);
    p += b.data.length;
  }
  return out;
}

/** The blocks of a RED payload, the primary one last; `null` if it is malformed. Their data are views into `payload`. */
export function parseRED(payload: Bytes): REDBlock[] | null {
  const heads: { payloadType: number; offset: number; length: number }[] = [];
  let p = 0;
  for (;;) {
    const first = payload[p];
    if (first === undefined || heads.length === MAX_BLOCKS) return null;
    if ((first & 0x80) === 0) {
      heads.push({ payloadType: first, offset: 0, length: -1 });
      p += 1;
      break;
    }
    if (p + 4 > payload.length) return null;
    const [a, b, c] = [payload[p + 1] as number, payload[p + 2] as number, payload[p + 3] as number];
    heads.push({ payloadType: first & 0x7f, offset: (a << 6) | (b >> 2), length: ((b & 3) << 8) | c });
    p += 4;
  }
  const blocks: REDBlock[] = [];
  for (const h of heads) {
    const end = h.length < 0 ? payload.length : p + h.length;
    if (end > payload.length) return null;
    blocks.push({ payloadType: h.payloadType, offset: h.offset, data: payload.subarray(p, end) });
    p = end;
  }
  return blocks;
}
