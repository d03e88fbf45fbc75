// What leaves a participant of an encrypted call, when encryption takes its time: the codec and the transport here are made up, all between them is not.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FrameReader } from '../protocol/framing.ts';
import { markingOf, parseRTP } from '../protocol/rtp.ts';
import type { Bytes } from '../protocol/varint.ts';
import type { OutStream, Session } from '../transport/transport.ts';
import { VideoStreams } from './outgoing.ts';
import { Opener, type Seal, Sealer } from './sealing.ts';
import { VideoSender } from './video-sender.ts';

let clock = 0; // ms
let encoded: Bytes[] = []; // in this test
let framesOpen = 0;
let encoderQueue = 0;
let encoderTakes = 0; // ms

/** Text, so that a run of it is seen wherever it is. */
const picture = (n: number): Bytes => Uint8Array.from(`picture ${n} of somebody`, (c) => c.charCodeAt(0));

class FakeFrame {
  readonly displayWidth = 640;
  readonly displayHeight = 360;
  readonly format = 'I420';
  readonly timestamp: number;
  #open = true;

  constructor(_source: unknown, { timestamp }: { timestamp: number }) {
    this.timestamp = timestamp;
    framesOpen++;
  }

  clone(): FakeFrame {
    return new FakeFrame(this, this);
  }

  close(): void {
    if (this.#open) framesOpen--;
    this.#open = false;
  }
}

/** Encodes at once, in `encoderTakes` ms of the test's clock. */
class FakeEncoder {
  static isConfigSupported = async () => ({ supported: true });
  state = 'unconfigured';
  get encodeQueueSize(): number {
    return encoderQueue;
  }
  readonly #output: VideoEncoderInit['output'];

  constructor({ output }: VideoEncoderInit) {
    this.#output = output;
  }

  configure(): void {
    this.state = 'configured';
  }

  encode({ timestamp }: FakeFrame, { keyFrame }: { keyFrame: boolean }): void {
    const data = picture(encoded.length);
    encoded.push(data);
    clock += encoderTakes;
    const chunk = { type: keyFrame ? 'key' : 'delta', timestamp, byteLength: data.length };
    const copyTo = (to: Uint8Array) => to.set(data);
    this.#output({ ...chunk, copyTo } as unknown as EncodedVideoChunk, { svc: { temporalLayerId: 0 } });
  }

  close(): void {
    this.state = 'closed';
  }
}

class FakeStream implements OutStream {
  readonly backlog = 0;
  readonly written: Bytes[] = [];
  end: 'finished' | 'aborted' | null = null;

  get broken(): boolean {
    return this.end === 'aborted';
  }

  write(bytes: Bytes): void {
    if (this.end) throw new Error(`written to a stream that is ${this.end}`);
    this.written.push(bytes);
  }

  finish(): void {
    this.end ??= 'finished';
  }

  abort(): void {
    this.end ??= 'aborted';
  }

  get frames() {
    const reader = new FrameReader();
    return this.written.flatMap((bytes) => reader.push(bytes)).map(frameOf);
  }
}

function frameOf(bytes: Bytes) {
  const packet = parseRTP(bytes);
  const mark = packet && markingOf(packet);
  if (!packet || !mark) throw new Error('not a frame');
  return { seq: packet.sequence, key: mark.independent, tl0: mark.tl0, payload: packet.payload };
}

class FakeSession implements Session {
  readonly transport = 'webtransport';
  readonly rtt = 10;
  readonly streams: FakeStream[] = [];

  openStream(): OutStream {
    const stream = new FakeStream();
    this.streams.push(stream);
    return stream;
  }

  get frames() {
    return this.streams.flatMap((s) => s.frames);
  }

  send(): void {}
  datagram(): void {}
  close(): void {}
}

/** Encryption that is done when the test says so. */
class SlowSeal implements Seal {
  #held: ((good: boolean) => void)[] = [];

  get waiting(): number {
    return this.#held.length;
  }

  seal(plain: Bytes, take: (sealed: Bytes | null) => void): void {
    this.#held.push((good) => take(good ? plain.map((b) => b ^ 0xff) : null));
  }

  /** Lets out what waits, the first `n`; or fails them. */
  done(n = this.#held.length, good = true): void {
    for (let i = 0; i < n; i++) this.#held.shift()?.(good);
  }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function push(sender: VideoSender): void {
  clock += 33;
  sender.push(new FakeFrame(null, { timestamp: 0 }) as unknown as VideoFrame);
}

/** A sender with an encoder that is ready. */
async function senderWith(seal: Seal | null, session: Session): Promise<VideoSender> {
  const failed = (message: string) => expect.fail(message);
  const handlers = { format: () => undefined, failed };
  const epoch = performance.timeOrigin + clock;
  const sender = new VideoSender({
    main: { flow: 2, ssrc: 7, seal },
    small: null,
    congested: () => false,
    pace: () => Number.POSITIVE_INFINITY,
    epoch,
    maxPixels: 640 * 360,
    fps: 30,
    text: false,
    handlers,
  });
  sender.use(session);
  push(sender); // for its size only
  await settle();
  expect(encoded).toEqual([]);
  return sender;
}

beforeEach(() => {
  clock = 1_000;
  encoded = [];
  framesOpen = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  vi.stubGlobal('VideoFrame', FakeFrame);
  vi.stubGlobal('VideoEncoder', FakeEncoder);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('a camera', () => {
  it('that is not encrypted is on its way when the encoder is done', async () => {
    const session = new FakeSession();
    const sender = await senderWith(null, session);
    push(sender);
    expect(session.frames.map((f) => f.payload)).toEqual([picture(0)]);
  });

  it('that is encrypted sends nothing plain, and all of it to who has the key', async () => {
    const secret = new Uint8Array(16).fill(7);
    const session = new FakeSession();
    const sender = await senderWith(new Sealer(secret), session);
    for (let i = 0; i < 20; i++) {
      push(sender);
      await vi.waitFor(() => expect(sender.frames).toBe(i + 1), { interval: 1 });
    }
    const text = (bytes: Bytes) => String.fromCharCode(...bytes);
    const wire = session.streams.flatMap((s) => s.written.map(text)).join('');
    for (const plain of encoded.map(text)) {
      for (let at = 0; at + 4 <= plain.length; at++) expect(wire).not.toContain(plain.slice(at, at + 4));
    }
    const opener = new Opener(secret);
    expect(await Promise.all(session.frames.map((f) => opener.open(f.payload)))).toEqual(encoded);
    sender.close();
    expect(framesOpen).toBe(0);
  });
});

describe('slow encryption', () => {
  it('keeps the order, numbers what is written, and costs frames before they are encoded', async () => {
    const session = new FakeSession();
    const seal = new SlowSeal();
    const sender = await senderWith(seal, session);
    for (let i = 0; i < 10; i++) push(sender);
    expect([encoded.length, seal.waiting, session.frames.length]).toEqual([3, 3, 0]);
    seal.done(2);
    push(sender);
    seal.done();
    const { frames } = session;
    const first = frames[0]?.seq ?? Number.NaN;
    expect(frames.map((f) => f.seq - first)).toEqual([0, 1, 2, 3]);
    expect(frames.map((f) => f.key)).toEqual([true, false, false, false]);
    expect(frames.map((f) => f.payload.map((b) => b ^ 0xff))).toEqual(encoded);
    expect(session.streams.length).toBe(1);
  });

  it('does not bring to a session what depends on a key frame of another', async () => {
    const [before, after] = [new FakeSession(), new FakeSession()];
    const seal = new SlowSeal();
    const sender = await senderWith(seal, before);
    push(sender);
    seal.done();
    push(sender);
    sender.use(after); // encodes the camera's last frame again, as a key frame
    seal.done();
    expect(before.frames.length).toBe(1);
    expect(after.frames.map((f) => f.key)).toEqual([true]);
    expect([encoded.length, seal.waiting]).toEqual([3, 0]);
  });

  it('brings a key frame to the session that has come meanwhile, and what depends on it', async () => {
    const [before, after] = [new FakeSession(), new FakeSession()];
    const seal = new SlowSeal();
    const sender = await senderWith(seal, before);
    push(sender);
    push(sender);
    sender.use(after);
    seal.done();
    expect(before.streams).toEqual([]);
    expect(after.frames.map((f) => f.key)).toEqual([true, false, false]);
  });

  it('writes nothing to a group that was given up meanwhile', async () => {
    const session = new FakeSession();
    const seal = new SlowSeal();
    const sender = await senderWith(seal, session);
    push(sender);
    seal.done();
    push(sender);
    sender.pause();
    seal.done(); // the streams here throw if they are written to
    expect(session.streams.map((s) => [s.end, s.frames.length])).toEqual([['aborted', 1]]);
    clock += 300;
    push(sender);
    push(sender);
    seal.done();
    expect(session.streams[1]?.frames.map((f) => f.key)).toEqual([true, false]);
  });

  it('that fails ends the group: nothing that depends on the frame is sent', async () => {
    const session = new FakeSession();
    const seal = new SlowSeal();
    const sender = await senderWith(seal, session);
    push(sender);
    seal.done();
    push(sender);
    push(sender);
    seal.done(1, false);
    seal.done();
    expect(session.streams.map((s) => [s.end, s.frames.length])).toEqual([['aborted', 1]]);
    clock += 300;
    push(sender);
    seal.done();
    expect(session.streams[1]?.frames.map((f) => f.key)).toEqual([true]);
  });

  it('of a call that is left sends nothing any more', async () => {
    const session = new FakeSession();
    const seal = new SlowSeal();
    const sender = await senderWith(seal, session);
    push(sender);
    sender.close();
    seal.done();
    expect(session.streams).toEqual([]);
    expect(framesOpen).toBe(0);
  });
});

describe('a camera with a small encoding', () => {
  const made = (session: FakeSession, flow: number) =>
    session.streams.filter((stream) => stream.written[0]?.[0] === flow).flatMap((stream) => stream.frames);

  async function twoEncodings(session: FakeSession) {
    const formats: [number, number | undefined][] = [];
    const sender = new VideoSender({
      main: { flow: 2, ssrc: 7, seal: null },
      small: { flow: 5, ssrc: 8, seal: null },
      congested: () => false,
      pace: () => Number.POSITIVE_INFINITY,
      epoch: performance.timeOrigin + clock,
      maxPixels: 640 * 360,
      fps: 30,
      text: false,
      handlers: {
        format: (format, small) => formats.push([format.height, small?.height]),
        failed: (message) => expect.fail(message),
      },
    });
    sender.use(session);
    push(sender);
    await settle();
    return { sender, formats };
  }

  it('makes what somebody receives, and nothing else', async () => {
    const session = new FakeSession();
    const { sender, formats } = await twoEncodings(session);
    expect(formats).toEqual([[360, 180]]);
    for (let i = 0; i < 3; i++) push(sender);
    expect([made(session, 2).length, made(session, 5).length]).toEqual([3, 0]);

    sender.setWanted([2, 5]);
    await settle(); // the second encoder is configured
    clock += 300;
    for (let i = 0; i < 3; i++) push(sender);
    const [main, small] = [made(session, 2), made(session, 5)];
    expect(small.length).toBe(3);
    expect(small[0]?.key).toBe(true);

    sender.setWanted([5]);
    for (let i = 0; i < 3; i++) push(sender);
    expect([made(session, 2).length, made(session, 5).length]).toEqual([main.length, small.length + 3]);

    sender.setWanted([]);
    for (let i = 0; i < 3; i++) push(sender);
    expect([made(session, 2).length, made(session, 5).length]).toEqual([main.length, small.length + 3]);

    sender.close();
    expect(framesOpen).toBe(0);
  });

  it('begins with a key frame, of the newest picture, what is wanted again', async () => {
    const session = new FakeSession();
    const { sender } = await twoEncodings(session);
    push(sender);
    sender.setWanted([]);
    clock += 300;
    push(sender);
    const before = made(session, 2).length;
    sender.setWanted([2]); // nothing is pushed after this
    const frames = made(session, 2);
    expect(frames.length).toBe(before + 1);
    expect(frames.at(-1)?.key).toBe(true);
    sender.close();
  });

  it('gets smaller where the encoder has no time for it', async () => {
    const session = new FakeSession();
    const { sender, formats } = await twoEncodings(session);
    for (let i = 0; i < 60; i++) {
      encoderQueue = i % 4 === 0 ? 2 : 0;
      push(sender);
    }
    encoderQueue = 0;
    await settle();
    expect(formats.at(-1)).toEqual([240, 180]);
    sender.close();
  });

  it('gets smaller where the encoder takes long', async () => {
    const session = new FakeSession();
    const { sender, formats } = await twoEncodings(session);
    encoderTakes = 200;
    for (let i = 0; i < 60; i++) push(sender);
    encoderTakes = 0;
    await settle();
    expect(formats.at(-1)).toEqual([240, 180]);
    sender.close();
  });

  it('leaves no stream open when it is cut while its frames are held back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const session = new FakeSession();
    const streams = new VideoStreams(2, 7, () => 1_000);
    streams.use(session);
    const frame = (key: boolean) => ({
      key,
      tid: 0,
      payloadType: 96,
      timestamp: 0,
      payload: new Uint8Array(9_000),
    });
    const sent = vi.fn();
    expect([true, false, true].map((key) => streams.write(frame(key), sent))).toEqual([true, true, true]);
    clock += 250;
    vi.advanceTimersByTime(1);
    expect([
      streams.backlog(0) > 0,
      streams.held(performance.timeOrigin + clock),
      sent.mock.calls.length,
    ]).toEqual([true, 250, 0]);
    streams.cut();
    expect(session.streams.map((s) => s.end)).toEqual(['aborted', 'aborted']);
    expect([streams.backlog(0), streams.held(performance.timeOrigin + clock), vi.getTimerCount()]).toEqual([
      0, 0, 0,
    ]);
  });

  it('says what it can use of the way up', async () => {
    const session = new FakeSession();
    const { sender } = await twoEncodings(session);
    expect([...sender.demands.keys()]).toEqual([2]);
    sender.setWanted([2, 5]);
    expect([...sender.demands.keys()]).toEqual([2, 5]);
    sender.pause();
    expect(sender.demands.size).toBe(0);
    sender.close();
  });
});
