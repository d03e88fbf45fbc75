// The report datagram and its reply; package signaling on the server documents the layout (report.go).

import { MAX_REPORT_TRACKS, REPORT_FLOW, UNKNOWN_QUEUEING } from './messages.gen.ts';
import type { Bytes } from './varint.ts';

const KIND_REPORT = 1;
const KIND_REPLY = 2;
const REPORT_HEAD = 15;
const REPORT_ENTRY = 32;
const REPORT_TAIL = 2;
const REPLY_HEAD = 15;
const REPLY_ENTRY = 18;

export interface Report {
  sequence: number;
  clock: number; // µs modulo 2^32; echoed in the reply
  freezes: number; // 16 bits
  playout: number; // audio playout delay, ms, 16 bits
  tracks: TrackReport[];
  queueing: number; // by how much longer the server's replies are on their way than the soonest lately, 0.1 ms; UNKNOWN_QUEUEING
}

export interface TrackReport {
  track: number;
  highestSeq: number; // extended highest RTP sequence number (RFC 3550, section 6.4.1)
  received: number;
  lost: number;
  rendered: number;
  concealedMs: number;
  gapMs: number; // longest interval between rendered frames since the previous report, the running one included
  jitter: number; // 0.1 ms
  frozenMs: number;
}

export interface Reply {
  sequence: number;
  clock: number;
  server: number; // server's clock, ms modulo 2^32
  flows: FlowReport[];
}

export interface FlowReport {
  flow: number;
  highestSeq: number;
  received: number;
  lost: number;
  jitter: number; // 0.1 ms
}

const u16 = (v: number) => Math.max(0, Math.min(0xffff, Math.round(v)));
const u32 = (v: number) => (v > 0 ? Math.round(v) % 2 ** 32 : 0);

/** The datagram of a report. Tracks past MAX_REPORT_TRACKS are left out; values that do not fit are clipped. */
export function writeReport(r: Report): Bytes {
  const tracks = r.tracks.slice(0, MAX_REPORT_TRACKS);
  const out = new Uint8Array(REPORT_HEAD + REPORT_ENTRY * tracks.length + REPORT_TAIL);
  const view = new DataView(out.buffer);
  view.setUint8(0, REPORT_FLOW);
  view.setUint8(1, KIND_REPORT);
  view.setUint32(2, u32(r.sequence));
  view.setUint32(6, u32(r.clock));
  view.setUint16(10, u16(r.freezes));
  view.setUint16(12, u16(r.playout));
  view.setUint8(14, tracks.length);
  tracks.forEach((t, i) => {
    const p = REPORT_HEAD + REPORT_ENTRY * i;
    [t.track, t.highestSeq, t.received, t.lost, t.rendered, t.concealedMs].forEach((v, n) => {
      view.setUint32(p + 4 * n, u32(v));
    });
    view.setUint16(p + 24, u16(t.gapMs));
    view.setUint16(p + 26, u16(t.jitter));
    view.setUint32(p + 28, u32(t.frozenMs));
  });
  view.setUint16(out.length - REPORT_TAIL, Math.min(u16(r.queueing), UNKNOWN_QUEUEING));
  return out;
}

/** Parses a reply; `null` if it is not one. Bytes behind the entries are left for later versions. */
export function parseReply(b: Uint8Array): Reply | null {
  if (b.length < REPLY_HEAD || b[0] !== REPORT_FLOW || b[1] !== KIND_REPLY) return null;
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  const n = view.getUint8(14);
  if (n > MAX_REPORT_TRACKS || b.length < REPLY_HEAD + n * REPLY_ENTRY) return null;
  const flows: FlowReport[] = [];
  for (let i = 0, p = REPLY_HEAD; i < n; i++, p += REPLY_ENTRY) {
    flows.push({
      flow: view.getUint32(p),
      highestSeq: view.getUint32(p + 4),
      received: view.getUint32(p + 8),
      lost: view.getUint32(p + 12),
      jitter: view.getUint16(p + 16),
    });
  }
  return { sequence: view.getUint32(2), clock: view.getUint32(6), server: view.getUint32(10), flows };
}
