// RTP packets (RFC 3550) with one-byte header extensions (RFC 8285), as package media on the server documents them: one packet is one video
// frame or one audio datagram.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|V=2|P|X|  CC   |M|     PT      |       sequence number         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                           timestamp                           |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|           synchronization source (SSRC) identifier            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       0xBE    |    0xDE       |  length in 32-bit words       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|  ID   |  L-1  |  L bytes ...            then zeros to a word  |

import type { Codec } from './messages.gen.ts';
import type { Bytes } from './varint.ts';

/** Header extension of Video Frame Marking (RFC 9626). */
export const EXT_FRAME_MARKING = 1;
/** Header extension of the audio level (RFC 6464). */
export const EXT_AUDIO_LEVEL = 2;

const HEADER = 12;
const ONE_BYTE_PROFILE = 0xbede;

export const PAYLOAD_TYPE = { opus: 111, red: 63, vp8: 96, vp9: 98, av1: 45, h264: 102 } as const;

const VIDEO_CODECS: Readonly<Record<number, Codec>> = { 96: 'vp8', 98: 'vp9', 45: 'av1', 102: 'h264' };

/** The video codec of a payload type, if it is one of ours. */
export function videoCodecOf(payloadType: number): Codec | undefined {
  return VIDEO_CODECS[payloadType];
}

export interface Extension {
  id: number; // 1..14
  data: Uint8Array; // 1..16 bytes
}

export interface RTPPacket {
  payloadType: number;
  marker: boolean;
  sequence: number; // 16 bits
  timestamp: number; // 32 bits
  ssrc: number; // 32 bits
  extensions: Extension[];
  /** A view into the packet that was parsed. */
  payload: Bytes;
}

/** Size of `packet` on the wire in bytes. */
export function rtpSize(packet: RTPPacket): number {
  return HEADER + extensionSize(packet.extensions) + packet.payload.length;
}

function extensionSize(extensions: Extension[]): number {
  if (extensions.length === 0) return 0;
  const body = extensions.reduce((n, e) => n + 1 + e.data.length, 0);
  return 4 + 4 * Math.ceil(body / 4);
}

/** Writes `packet` into `out` at `at` and returns the position behind it. `out` must be zeroed there: it is the padding. */
export function writeRTP(out: Uint8Array, at: number, packet: RTPPacket): number {
  const view = new DataView(out.buffer, out.byteOffset);
  out[at] = 0x80 | (packet.extensions.length > 0 ? 0x10 : 0);
  out[at + 1] = (packet.marker ? 0x80 : 0) | packet.payloadType;
  view.setUint16(at + 2, packet.sequence & 0xffff);
  view.setUint32(at + 4, packet.timestamp >>> 0);
  view.setUint32(at + 8, packet.ssrc >>> 0);
  let p = at + HEADER;
  const size = extensionSize(packet.extensions);
  if (size > 0) {
    view.setUint16(p, ONE_BYTE_PROFILE);
    view.setUint16(p + 2, (size - 4) / 4);
    let q = p + 4;
    for (const e of packet.extensions) {
      if (e.id < 1 || e.id > 14 || e.data.length < 1 || e.data.length > 16) {
        throw new RangeError(`header extension ${e.id} of ${e.data.length} bytes`);
      }
      out[q++] = (e.id << 4) | (e.data.length - 1);
      out.set(e.data, q);
      q += e.data.length;
    }
    p += size;
  }
  out.set(packet.payload, p);
  return p + packet.payload.length;
}

/** Parses an RTP packet; `null` if it is not one. The payload and the extensions are views into `bytes`. */
export function parseRTP(bytes: Bytes): RTPPacket | null {
  if (bytes.length < HEADER) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = view.getUint8(0);
  if (first >> 6 !== 2) return null;
  const second = view.getUint8(1);
  let p = HEADER + 4 * (first & 0x0f);
  let end = bytes.length;
  if (first & 0x20) {
    const padding = view.getUint8(end - 1);
    if (padding === 0) return null;
    end -= padding;
  }
  const extensions: Extension[] = [];
  if (first & 0x10) {
    if (p + 4 > end) return null;
    const profile = view.getUint16(p);
    const stop = p + 4 + 4 * view.getUint16(p + 2);
    if (stop > end) return null;
    if (profile === ONE_BYTE_PROFILE && !readExtensions(bytes, p + 4, stop, extensions)) return null;
    p = stop;
  }
  if (p > end) return null;
  return {
    payloadType: second & 0x7f,
    marker: (second & 0x80) !== 0,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    extensions,
    payload: bytes.subarray(p, end),
  };
}

function readExtensions(bytes: Bytes, from: number, stop: number, into: Extension[]): boolean {
  let p = from;
  while (p < stop) {
    const head = bytes[p++] as number;
    if (head === 0) continue; // padding
    const id = head >> 4;
    if (id === 15) return true; // RFC 8285, section 4.2: stop processing
    const length = (head & 0x0f) + 1;
    if (p + length > stop) return false;
    into.push({ id, data: bytes.subarray(p, p + length) });
    p += length;
  }
  return true;
}

/** What a video frame says about itself (RFC 9626, section 3.1, scalable form). */
export interface FrameMarking {
  independent: boolean; // a key frame
  discardable: boolean; // no other frame depends on it
  baseSync: boolean; // depends on the base layer only
  tid: number; // temporal layer, 0..7
  tl0: number; // counts base frames modulo 256; that of the base frame which a frame of an upper layer depends on
}

/** The three bytes of the extension; a packet is a whole frame, so start and end are set. */
export function writeMarking(m: FrameMarking): Uint8Array {
  const flags = 0xc0 | (m.independent ? 0x20 : 0) | (m.discardable ? 0x10 : 0) | (m.baseSync ? 0x08 : 0);
  return Uint8Array.of(flags | (m.tid & 7), 0, m.tl0 & 0xff);
}

/** The frame marking of a packet, `null` if it has none in the form we understand. */
export function markingOf(packet: RTPPacket): FrameMarking | null {
  const data = packet.extensions.find((e) => e.id === EXT_FRAME_MARKING)?.data;
  if (data?.length !== 3) return null;
  const [flags, , tl0] = data as unknown as [number, number, number];
  const m = {
    independent: (flags & 0x20) !== 0,
    discardable: (flags & 0x10) !== 0,
    baseSync: (flags & 0x08) !== 0,
    tid: flags & 7,
    tl0,
  };
  return m.independent && m.tid !== 0 ? null : m;
}
