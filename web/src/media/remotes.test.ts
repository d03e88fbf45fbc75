import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { framed } from '../protocol/framing.ts';
import type { FromParticipant, Participant, Track } from '../protocol/messages.gen.ts';
import { EXT_FRAME_MARKING, PAYLOAD_TYPE, rtpSize, writeMarking, writeRTP } from '../protocol/rtp.ts';
import type { Bytes } from '../protocol/varint.ts';
import type { InStream } from '../transport/transport.ts';
import type { ToPlayout } from '../workers/messages.ts';
import { Remotes } from './remotes.ts';
import { Sealer } from './sealing.ts';

const VIDEO: Track = {
  id: 10,
  participant: 'ada',
  kind: 'video',
  source: 'camera',
  codec: 'vp8',
  ssrc: 1,
  muted: false,
  encodings: [{ id: 11, ssrc: 2, width: 320, height: 180, layers: 1 }],
};
const AUDIO: Track = {
  id: 20,
  participant: 'ada',
  kind: 'audio',
  source: 'microphone',
  codec: 'opus',
  ssrc: 3,
  muted: false,
};

function ada(...tracks: Track[]): Participant {
  return { id: 'ada', name: 'Ada', presence: 'connected', test: false, receive: ['vp8', 'opus'], tracks };
}

/** A frame of VP8 on its stream: its number counts from the key frame at `from`. */
function packet(flow: number, n: number, from: number, payload = Uint8Array.of(flow, n)): Bytes {
  const rtp = {
    payloadType: PAYLOAD_TYPE.vp8,
    marker: true,
    sequence: 1000 * flow + n,
    timestamp: 3_000 * n,
    ssrc: flow,
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
    payload,
  };
  return framed(n === from ? flow : null, rtpSize(rtp), (out, at) => writeRTP(out, at, rtp));
}

/** A stream of an encoding with the frames from..to, which then ends. */
function group(flow: number, from: number, to: number): InStream {
  const chunks = Array.from({ length: to - from + 1 }, (_, i) => packet(flow, from + i, from));
  return { read: async () => chunks.shift() ?? null, cancel: () => undefined };
}

/** The same, encrypted. */
async function sealedGroup(sealer: Sealer, flow: number, from: number, to: number): Promise<InStream> {
  const chunks: Bytes[] = [];
  for (let n = from; n <= to; n++) {
    const sealed = await new Promise<Bytes | null>((resolve) => sealer.seal(Uint8Array.of(flow, n), resolve));
    if (sealed) chunks.push(packet(flow, n, from, sealed as Uint8Array<ArrayBuffer>));
  }
  return { read: async () => chunks.shift() ?? null, cancel: () => undefined };
}

const decoded: string[] = [];

class Decoder {
  state = 'unconfigured';
  decodeQueueSize = 0;
  configure(): void {
    this.state = 'configured';
  }
  decode({ type, data }: { type: string; data: Bytes }): void {
    decoded.push(`${data[0]}${type === 'key' ? 'K' : 'd'}${data[1]}`);
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

describe('Remotes', () => {
  let sent: FromParticipant[];
  let remotes: Remotes;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('VideoDecoder', Decoder);
    vi.stubGlobal('EncodedVideoChunk', Chunk);
    decoded.length = 0;
    sent = [];
    remotes = new Remotes((m) => sent.push(m), null);
    remotes.sync([ada(VIDEO, AUDIO)]);
    sent.length = 0;
  });

  afterEach(() => {
    remotes.close();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const entry = (flow: number) => remotes.report().find((r) => r.track === flow);

  it('gives what comes of any encoding to its track, and reports each', async () => {
    await remotes.stream(group(10, 0, 2));
    expect(remotes.report().map((r) => r.track)).toEqual([10, 20]);
    await remotes.stream(group(11, 3, 5));
    expect(decoded).toEqual(['10K0', '10d1', '10d2', '11K3', '11d4', '11d5']);
    const reports = remotes.report();
    expect(reports.map((r) => [r.track, r.received, r.lost])).toEqual([
      [11, 3, 0], // the one that something has come of
      [10, 3, 0],
      [20, 0, 0],
    ]);
    expect(reports[0]).toMatchObject({ highestSeq: 11_005, rendered: 0, gapMs: 0, frozenMs: 0 });
  });

  it('waits for the announcement of an encoding that media has overtaken, and forgets those that are gone', async () => {
    const early = remotes.stream(group(12, 0, 1));
    await vi.advanceTimersByTimeAsync(10);
    expect(decoded).toEqual([]);
    const encodings = [{ id: 12, ssrc: 9, width: 320, height: 180, layers: 1 }];
    remotes.apply({ type: 'track_published', track: { ...VIDEO, encodings } });
    await early;
    expect(decoded).toEqual(['12K0', '12d1']);
    const gone = remotes.stream(group(11, 2, 3));
    await vi.advanceTimersByTimeAsync(3_000);
    await gone;
    expect(decoded).toEqual(['12K0', '12d1']);
    expect(entry(11)).toBeUndefined();
  });

  it('asks for what is shown, by the number of the track, and in a new session again', async () => {
    remotes.setHeight('ada', 'camera', 360);
    await vi.advanceTimersByTimeAsync(300);
    expect(sent).toEqual([{ type: 'subscribe', track: 10, max_layer: 7, height: 360 }]);
    remotes.setHeight('ada', 'camera', 0);
    await vi.advanceTimersByTimeAsync(1_100);
    expect(sent.slice(1)).toEqual([{ type: 'unsubscribe', track: 10 }]);
    expect(
      remotes.measure({ id: 'm', window_ms: 1_000, tracks: [10, 20] }).tracks.map((t) => t.track),
    ).toEqual([20]);
    sent.length = 0;
    remotes.sync([ada(VIDEO, AUDIO)]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sent).toEqual([{ type: 'unsubscribe', track: 10 }]); // and no key frame
    remotes.setHeight('ada', 'camera', 360);
    expect(sent.at(-1)).toEqual({ type: 'subscribe', track: 10, max_layer: 7, height: 360 });
    remotes.apply({ type: 'track_ended', track: 10 });
    remotes.apply({ type: 'track_published', track: { ...VIDEO, id: 30, encodings: [] } });
    await vi.advanceTimersByTimeAsync(300);
    expect(sent.at(-1)).toEqual({ type: 'subscribe', track: 30, max_layer: 7, height: 360 });
  });

  it('goes on with a group that it let go of meanwhile, and misses nothing', async () => {
    remotes.setHeight('ada', 'camera', 360);
    await vi.advanceTimersByTimeAsync(300);
    await remotes.stream(group(10, 0, 3));
    remotes.setHeight('ada', 'camera', 0);
    await vi.advanceTimersByTimeAsync(1_100);
    remotes.setHeight('ada', 'camera', 360);
    await remotes.stream(group(10, 90, 91));
    expect(decoded.slice(-2)).toEqual(['10K90', '10d91']);
    expect(entry(10)?.lost).toBe(0);
    expect(sent.filter((m) => m.type === 'key_frame')).toEqual([]);
  });

  it('decrypts encodings that each have a key of their own, in the order in which they came', async () => {
    const secret = new Uint8Array(16).fill(7);
    const friend = new Remotes((m) => sent.push(m), secret);
    friend.sync([ada({ ...VIDEO, encrypted: true })]);
    const [large, small, foreign] = [secret, secret, new Uint8Array(16)].map((s) => new Sealer(s)) as [
      Sealer,
      Sealer,
      Sealer,
    ];
    // All before anything is decrypted, the keys being derived meanwhile.
    const streams = await Promise.all([
      sealedGroup(large, 10, 0, 2),
      sealedGroup(small, 11, 3, 4),
      sealedGroup(large, 10, 5, 6),
    ]);
    for (const stream of streams) await friend.stream(stream);
    await vi.waitFor(() => expect(decoded).toHaveLength(7));
    expect(decoded).toEqual(['10K0', '10d1', '10d2', '11K3', '11d4', '10K5', '10d6']);
    expect(friend.stats().ada).toMatchObject({ undecrypted: 0, wrongKey: false });

    await friend.stream(await sealedGroup(foreign, 11, 7, 12));
    await vi.waitFor(() => expect(friend.stats().ada?.undecrypted).toBe(6));
    expect(friend.stats().ada?.wrongKey).toBe(false); // the encoding could be read before
    friend.close();
  });

  it('says to the playout who is silent on purpose or not sent on', async () => {
    const said: ToPlayout[] = [];
    const port = { postMessage: (m: ToPlayout) => said.push(m) } as unknown as MessagePort;
    remotes.setPlayout(port);
    remotes.apply({ type: 'speakers', tracks: [99] });
    remotes.apply({ type: 'speakers', tracks: [20, 99] });
    remotes.apply({ type: 'track_muted', track: 20, muted: true });
    remotes.apply({ type: 'speakers', tracks: [99] });
    remotes.apply({ type: 'track_muted', track: 20, muted: false });
    remotes.sync([ada(VIDEO, AUDIO)]);
    expect(said.map((m) => m.type === 'muted' && m.muted)).toEqual([
      false, // as it begins
      true, // not sent on
      false,
      true, // on purpose
      true,
      true, // not sent on still
      false, // a new session sends all until it says otherwise
    ]);
  });
});
