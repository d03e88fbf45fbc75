import { describe, expect, it } from 'vitest';
import type { TrackReport } from '../../protocol/report.ts';
import { Copies } from './copies.ts';

/** The head of an RTP packet with this number. */
function rtp(sequence: number): Uint8Array<ArrayBuffer> {
  const b = new Uint8Array(12);
  b[0] = 0x80;
  new DataView(b.buffer).setUint16(2, sequence);
  return b;
}

const merged: TrackReport = {
  track: 3,
  highestSeq: 999,
  received: 999,
  lost: 0,
  rendered: 500,
  concealedMs: 20,
  gapMs: 41,
  jitter: 5,
  frozenMs: 0,
};

describe('Copies', () => {
  it("reports what came on this path, and what was shown of both's", () => {
    const copies = new Copies();
    for (const n of [10, 11, 13, 14]) copies.add(3, rtp(n));
    copies.add(4, rtp(1));
    expect(copies.reports([merged])).toEqual([{ ...merged, highestSeq: 14, received: 4, lost: 1 }]);
  });

  it('counts what comes again once, and numbers that go round', () => {
    const copies = new Copies();
    for (const n of [65_534, 65_535, 0, 65_535, 0, 1]) copies.add(3, rtp(n));
    expect(copies.reports([merged])[0]).toMatchObject({ highestSeq: 65_537, received: 4, lost: 0 });
  });

  it('does not call lost what was sent while its network was gone', () => {
    const copies = new Copies();
    for (const n of [1, 2, 4]) copies.add(3, rtp(n));
    copies.pause();
    for (const n of [200, 201, 203]) copies.add(3, rtp(n));
    expect(copies.reports([merged])[0]).toMatchObject({ highestSeq: 203, received: 6, lost: 2 });
  });

  it('has nothing of a flow that never came here', () => {
    expect(new Copies().reports([merged])[0]).toMatchObject({ highestSeq: 0, received: 0, lost: 0 });
  });
});
