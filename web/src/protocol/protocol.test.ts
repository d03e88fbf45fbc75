// The wire, against the golden vectors that the Go tests assert too, and against bytes written out by hand where there are none.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { unbundle } from './bundle.ts';
import { encodeMessage, FrameReader, framed, MessageReader, ProtocolError } from './framing.ts';
import type { FromParticipant } from './messages.gen.ts';
import { parseRED, writeRED } from './red.ts';
import { parseReply, type Report, writeReport } from './report.ts';
import { markingOf, parseRTP, type RTPPacket, rtpSize, writeMarking, writeRTP } from './rtp.ts';
import { Unwrapper, videoToAudioAxis } from './unwrap.ts';
import { type Bytes, readVarint, varintSize, writeVarint } from './varint.ts';

interface Vectors {
  messages: { type: string; from: string; hex: string; json: string }[];
  reports: { hex: string; report: Record<string, unknown> }[];
  replies: { hex: string; reply: Record<string, unknown> }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../signaling/testdata/vectors.json', import.meta.url), 'utf8'),
) as Vectors;

const fromHex = (s: string): Bytes =>
  Uint8Array.from(s.replace(/\s/g, '').match(/../g) ?? [], (h) => Number.parseInt(h, 16));
const hex = (b: Uint8Array): string => [...b].map((v) => v.toString(16).padStart(2, '0')).join('');

/** Go's HighestSeq is our highestSeq, ConcealedMS our concealedMs. */
function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [
      (k.slice(0, 1).toLowerCase() + k.slice(1)).replace('MS', 'Ms'),
      camel(v),
    ]),
  );
}

describe('varint', () => {
  // RFC 9000, appendix A.1, and the edges of each size.
  it.each([
    [0, '00'],
    [37, '25'],
    [63, '3f'],
    [64, '4040'],
    [15293, '7bbd'],
    [16383, '7fff'],
    [16384, '80004000'],
    [494878333, '9d7f3e7d'],
    [1073741824, 'c000000040000000'],
  ])('%d', (value, bytes) => {
    const out = new Uint8Array(varintSize(value));
    expect(writeVarint(out, 0, value)).toBe(out.length);
    expect(hex(out)).toBe(bytes);
    expect(readVarint(out, 0)).toEqual({ value, next: out.length });
    expect(readVarint(out.subarray(0, -1), 0)).toBeNull();
  });

  it('refuses what a number cannot hold', () => {
    expect(() => readVarint(fromHex('ffffffffffffffff'), 0)).toThrow(RangeError);
    expect(() => writeVarint(new Uint8Array(8), 0, -1)).toThrow(RangeError);
  });
});

describe('control stream', () => {
  it.each(vectors.messages.filter((m) => m.from === 'participant'))('writes $type', ({ hex: want, json }) => {
    expect(hex(encodeMessage(JSON.parse(json) as FromParticipant))).toBe(want);
  });

  it.each(vectors.messages)('reads $type byte by byte', ({ hex: bytes, json }) => {
    const reader = new MessageReader();
    const got = [...fromHex(bytes + bytes)].flatMap((b) => reader.push(Uint8Array.of(b)));
    expect(got).toEqual([JSON.parse(json), JSON.parse(json)]);
  });

  it('refuses what is too long or no message', () => {
    expect(() => new MessageReader().push(fromHex('00010001'))).toThrow(ProtocolError);
    expect(() => new MessageReader().push(fromHex('0000000237'))).not.toThrow();
    expect(() => new MessageReader().push(fromHex('000000025b5d'))).toThrow(ProtocolError); // []
    expect(() => new MessageReader().push(fromHex('0000000278ff'))).toThrow(ProtocolError);
  });
});

describe('report', () => {
  it.each(vectors.reports)('writes %#', ({ hex: want, report }) => {
    expect(hex(writeReport(camel(report) as Report))).toBe(want);
  });

  it.each(vectors.replies)('reads a reply %#', ({ hex: bytes, reply }) => {
    expect(parseReply(fromHex(bytes))).toEqual(camel(reply));
    expect(parseReply(fromHex(bytes).subarray(0, -1))).toBeNull();
    expect(parseReply(fromHex(`${bytes}00`))).toEqual(camel(reply)); // of a later version
  });

  it('clips what does not fit', () => {
    const track = {
      highestSeq: -1,
      received: 0,
      lost: 0,
      rendered: 0,
      concealedMs: 0.6,
      frozenMs: 0,
      jitter: 1,
    };
    const out = writeReport({
      sequence: 1,
      clock: 2,
      freezes: 70_000,
      playout: Number.NaN,
      tracks: Array.from({ length: 40 }, (_, i) => ({ track: i, gapMs: 1e6, ...track })),
      queueing: 1e6,
    });
    expect(out.length).toBe(15 + 35 * 32 + 2);
    expect(hex(out.subarray(-2))).toBe('ffff');
    expect(hex(out.subarray(10, 15))).toBe('ffff000023');
    expect(hex(out.subarray(15, 47))).toBe(`${'00'.repeat(20)}00000001ffff000100000000`);
  });
});

describe('RTP', () => {
  const packet: RTPPacket = {
    payloadType: 96,
    marker: true,
    sequence: 0xfffe,
    timestamp: 0x80000001,
    ssrc: 0xdeadbeef,
    extensions: [{ id: 1, data: Uint8Array.of(0xe0, 0, 7) }],
    payload: Uint8Array.of(1, 2, 3),
  };
  const bytes = '90e0fffe80000001deadbeef bede0001 12e00007 010203';

  it('writes the bytes of the RFCs', () => {
    const out = new Uint8Array(rtpSize(packet) + 2);
    expect(writeRTP(out, 2, packet)).toBe(out.length);
    expect(hex(out.subarray(2))).toBe(bytes.replace(/ /g, ''));
  });

  it('reads them', () => {
    expect(parseRTP(fromHex(bytes))).toEqual(packet);
  });

  it('skips CSRCs, padding, unknown extensions and padding between them', () => {
    const p = parseRTP(
      fromHex('b16f0001 00000002 00000003 aaaaaaaa bede0002 00 20 85 3000 f0 0000 99 0402 0002'),
    );
    expect(p).toMatchObject({ payloadType: 111, marker: false, sequence: 1, timestamp: 2, ssrc: 3 });
    expect(p?.extensions.map((e) => [e.id, hex(e.data)])).toEqual([
      [2, '85'],
      [3, '00'],
    ]);
    expect(hex(p?.payload ?? new Uint8Array())).toBe('990402');
  });

  it.each([
    '',
    '80',
    '4060000100000002000000',
    '9060000100000002000000030000',
    '906000010000000200000003bede0002aabbccdd',
  ])('refuses %j', (bad) => {
    expect(parseRTP(fromHex(bad))).toBeNull();
  });

  it('never reads behind its end', () => {
    const whole = fromHex(bytes);
    for (let n = 0; n < whole.length; n++) {
      const cut = parseRTP(whole.slice(0, n));
      if (cut) expect(cut.payload.length).toBeLessThan(4);
    }
  });
});

describe('frame marking', () => {
  it.each([
    ['e00007', { independent: true, discardable: false, baseSync: false, tid: 0, tl0: 7 }],
    ['c000ff', { independent: false, discardable: false, baseSync: false, tid: 0, tl0: 255 }],
    ['d90003', { independent: false, discardable: true, baseSync: true, tid: 1, tl0: 3 }],
  ])('%s', (bytes, mark) => {
    expect(hex(writeMarking(mark))).toBe(bytes);
    const packet = { extensions: [{ id: 1, data: fromHex(bytes) }] } as unknown as RTPPacket;
    expect(markingOf(packet)).toEqual(mark);
  });

  it('refuses a key frame above the base layer and other lengths', () => {
    for (const bad of ['e10000', 'c0', 'c000']) {
      expect(markingOf({ extensions: [{ id: 1, data: fromHex(bad) }] } as unknown as RTPPacket)).toBeNull();
    }
  });
});

describe('RED', () => {
  const primary = { payloadType: 111, offset: 0, data: fromHex('cafe') };
  const before = { payloadType: 111, offset: 960, data: fromHex('aabbcc') };

  it('carries the predecessor', () => {
    const bytes = 'ef 0f0003 6f aabbcc cafe';
    expect(hex(writeRED([before, primary]))).toBe(bytes.replace(/ /g, ''));
    expect(parseRED(fromHex(bytes))).toEqual([before, primary]);
    expect(parseRED(writeRED([primary]))).toEqual([primary]);
  });

  it('uses all bits of offset and length, and leaves out what exceeds them', () => {
    const large = { payloadType: 1, offset: 16383, data: new Uint8Array(1023) };
    expect(parseRED(writeRED([large, primary]))).toEqual([large, primary]);
    expect(parseRED(writeRED([{ ...large, offset: 16384 }, primary]))).toEqual([primary]);
    expect(parseRED(writeRED([{ ...large, data: new Uint8Array(1024) }, primary]))).toEqual([primary]);
  });

  it.each(['', 'ef0f', 'ef0f00036faabb', `${'ef000000'.repeat(8)}6f`])('refuses %j', (bad) => {
    expect(parseRED(fromHex(bad))).toBeNull();
  });
});

describe('media stream', () => {
  const packets = [
    fromHex('010203'),
    new Uint8Array(100).fill(7),
    new Uint8Array(70_000).fill(9),
    new Uint8Array(0),
  ];
  const wire = packets.map((p, i) => framed(i === 0 ? 300 : null, p.length, (out, at) => out.set(p, at)));
  const whole = new Uint8Array(wire.reduce((n, w) => n + w.length, 0));
  wire.reduce((at, w) => {
    whole.set(w, at);
    return at + w.length;
  }, 0);

  it.each([1, 2, 3, 1000, 65_536, whole.length])('in pieces of %d bytes', (size) => {
    const reader = new FrameReader();
    const got: Bytes[] = [];
    for (let at = 0; at < whole.length; at += size) got.push(...reader.push(whole.subarray(at, at + size)));
    expect(reader.flow).toBe(300);
    expect(got.map((p) => p.length)).toEqual(packets.map((p) => p.length));
    expect(got.every((p, i) => p.every((v, j) => v === packets[i]?.[j]))).toBe(true);
  });

  it('refuses a frame over the limit before it is here', () => {
    expect(() => new FrameReader().push(fromHex('01 80200001'))).toThrow(ProtocolError);
    expect(new FrameReader().push(fromHex('01 80200000'))).toEqual([]);
  });
});

describe('unwrapping', () => {
  it('goes on over the edge, both ways', () => {
    const u = new Unwrapper(16);
    expect([65534, 65535, 1, 0, 65533, 2].map((v) => u.unwrap(v))).toEqual([
      65534, 65535, 65537, 65536, 65533, 65538,
    ]);
    const t = new Unwrapper(32);
    expect([10, 2 ** 32 - 5, 20].map((v) => t.unwrap(v))).toEqual([10, -5, 20]);
  });

  it('goes onward where so much was left out that the nearest is behind', () => {
    const u = new Unwrapper(16);
    expect([u.unwrap(100), u.unwrap(40_100, true), u.unwrap(40_099)]).toEqual([100, 40_100, 40_099]);
    expect([u.unwrap(40_100, true), u.unwrap(40_099, true)]).toEqual([40_100, 40_099 + 65_536]);
  });

  it.each([0, 3_000, 50_000, 100_000, 500_000])('brings video and audio to one axis after %d s', (t) => {
    const video = t % (2 ** 32 / 90_000);
    const audio = (t + 0.04) % (2 ** 32 / 48_000);
    expect(video + videoToAudioAxis(video, audio)).toBeCloseTo(audio - 0.04, 3);
  });
});

describe('a bundle', () => {
  const parts = (text: string): string[] => {
    const out: string[] = [];
    unbundle(fromHex(text), (b) => out.push(hex(b)));
    return out;
  };
  // The same bytes as in media/bundle_test.go.
  it('is taken apart', () => expect(parts('3f 03 010203 02 0405')).toEqual(['010203', '0405']));
  it('may be empty', () => expect(parts('3f')).toEqual([]));
  it('holds no bundle', () => expect(parts('3f 03 3f0109 01 07')).toEqual(['07']));
  it('is left where it breaks off', () => {
    expect(parts('3f 01 07 05 0102')).toEqual(['07']);
    expect(parts('3f 01 07 40')).toEqual(['07']);
    expect(parts('3f 01 07 ffffffffffffffff')).toEqual(['07']);
  });
});
