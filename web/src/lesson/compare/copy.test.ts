import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Remotes } from '../../media/remotes.ts';
import { framed } from '../../protocol/framing.ts';
import type { FromParticipant, Track } from '../../protocol/messages.gen.ts';
import type { TrackReport } from '../../protocol/report.ts';
import { EXT_FRAME_MARKING, PAYLOAD_TYPE, rtpSize, writeMarking, writeRTP } from '../../protocol/rtp.ts';
import type { Bytes } from '../../protocol/varint.ts';
import type { InStream } from '../../transport/transport.ts';
import { Copies } from './copies.ts';
import { Copy } from './copy.ts';

const FLOW = 10;
const VIDEO: Track = {
  id: FLOW,
  participant: 'bot',
  kind: 'video',
  source: 'camera',
  codec: 'vp8',
  ssrc: 1,
  muted: false,
};

/** Frame n of a group that began with the key frame `from`. */
function frame(n: number, from: number): Bytes {
  const rtp = {
    payloadType: PAYLOAD_TYPE.vp8,
    marker: true,
    sequence: 65_530 + n, // goes round
    timestamp: 3_000 * n,
    ssrc: 1,
    extensions: [
      {
        id: EXT_FRAME_MARKING,
        data: writeMarking({
          independent: n === from,
          discardable: false,
          baseSync: false,
          tid: 0,
          tl0: n & 0xff,
        }),
      },
    ],
    payload: Uint8Array.of(n),
  };
  rtp.sequence &= 0xffff;
  return framed(n === from ? FLOW : null, rtpSize(rtp), (out, at) => writeRTP(out, at, rtp));
}

/** A stream that a test feeds. */
class Feed implements InStream {
  #chunks: (Bytes | null | Error)[] = [];
  #wake: (() => void) | null = null;

  push(...chunks: (Bytes | null | Error)[]): void {
    this.#chunks.push(...chunks);
    this.#wake?.();
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#chunks.length === 0)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const chunk = this.#chunks.shift() ?? null;
    if (chunk instanceof Error) throw chunk;
    return chunk;
  }

  cancel(): void {}
}

const decoded: string[] = [];

class Decoder {
  state = 'unconfigured';
  decodeQueueSize = 0;
  configure(): void {
    this.state = 'configured';
  }
  decode({ type, data }: { type: string; data: Bytes }): void {
    decoded.push(`${type === 'key' ? 'K' : ''}${data[0]}`);
  }
  close(): void {
    this.state = 'closed';
  }
}

class Chunk {
  constructor(init: object) {
    Object.assign(this, init);
  }
}

describe('two copies of a stream', () => {
  let sent: FromParticipant[];
  let remotes: Remotes;
  let alone: boolean;
  const one = new Feed();
  const two = new Feed();
  let copies: [Copies, Copies];

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('VideoDecoder', Decoder);
    vi.stubGlobal('EncodedVideoChunk', Chunk);
    decoded.length = 0;
    alone = false;
    sent = [];
    remotes = new Remotes((m) => sent.push(m), null);
    remotes.sync([
      { id: 'bot', name: 'Bot', presence: 'connected', test: true, receive: ['vp8'], tracks: [VIDEO] },
    ]);
    sent.length = 0;
    copies = [new Copies(), new Copies()];
    void remotes.stream(new Copy(one, copies[0], () => alone));
    void remotes.stream(new Copy(two, copies[1], () => alone));
  });

  afterEach(() => {
    remotes.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const settle = () => vi.advanceTimersByTimeAsync(20);
  const report = (of: Copies) => of.reports([{ track: FLOW } as TrackReport])[0];

  it('show each frame once, from whichever comes first, and go on with the one that is left', async () => {
    one.push(frame(1, 1), frame(2, 1), frame(3, 1));
    await settle();
    expect(decoded).toEqual(['K1', '2', '3']);
    two.push(frame(1, 1), frame(2, 1), frame(3, 1), frame(4, 1));
    await settle();
    one.push(frame(4, 1), frame(5, 1), new Error('reset'));
    await settle();
    for (let n = 5; n <= 12; n++) two.push(frame(n, 1));
    await settle();
    expect(decoded).toEqual(['K1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']);
    expect(sent).toEqual([]); // no key frame was asked for
    expect(report(copies[0])).toMatchObject({ received: 5, lost: 0 });
    expect(report(copies[1])).toMatchObject({ received: 12, lost: 0 });

    // The first path is back, and gets the group from its beginning, as a late joiner does.
    const again = new Feed();
    void remotes.stream(new Copy(again, copies[0], () => alone));
    for (let n = 1; n <= 13; n++) again.push(frame(n, 1));
    await settle();
    expect(decoded.slice(11)).toEqual(['12', '13']);
  });
});
