import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAX_FRAME } from '../protocol/framing.ts';
import type { FromServer } from '../protocol/messages.gen.ts';
import { CallError } from './failure.ts';
import type { InStream, Session, Target } from './transport.ts';
import { openWebSocket } from './websocket.ts';

/** A socket whose buffer empties when the test says so. */
class FakeSocket {
  static last: FakeSocket;
  binaryType = '';
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: Uint8Array[] = [];
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((e: { data: unknown }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.last = this;
  }

  send(bytes: Uint8Array): void {
    this.sent.push(bytes.slice());
    this.bufferedAmount += bytes.length;
  }

  close(): void {
    this.readyState = 3;
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  receive(...bytes: number[]): void {
    this.onmessage?.({ data: Uint8Array.from(bytes).buffer });
  }

  /** What was sent of a kind, without the kind. */
  of(kind: number): number[][] {
    return this.sent.filter((b) => b[0] === kind).map((b) => [...b.subarray(1)]);
  }
}

const target: Target = { url: '', hashes: [], websocket: 'ws://host/ws', emulated: false };
const text = (s: string) => [...new TextEncoder().encode(s)];
const bytes = (...b: number[]) => Uint8Array.from(b);

describe('a session over a WebSocket', () => {
  let session: Session;
  let socket: FakeSocket;
  let messages: FromServer[];
  let datagrams: Uint8Array[];
  let streams: InStream[];
  let closed: number;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    vi.stubGlobal('WebSocket', FakeSocket);
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    [messages, datagrams, streams, closed] = [[], [], [], 0];
    const opening = openWebSocket(
      target,
      {
        message: (m) => messages.push(m),
        datagram: (b) => datagrams.push(b),
        stream: (s) => streams.push(s),
        closed: () => closed++,
      },
      new AbortController().signal,
      { resume: false, before: null },
    );
    socket = FakeSocket.last;
    await vi.advanceTimersByTimeAsync(90);
    socket.opens();
    session = await opening;
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  const drain = async () => {
    socket.bufferedAmount = 0;
    await vi.advanceTimersByTimeAsync(10);
  };

  it('sends what the protocol says', () => {
    expect(socket.url).toBe('ws://host/ws');
    expect(session.transport).toBe('websocket');
    expect(session.rtt).toBeCloseTo(45); // TCP and the request
    session.send({ type: 'leave' });
    session.datagram(bytes(7, 8));
    const stream = session.openStream();
    stream.write(bytes(1, 2));
    stream.write(bytes(3));
    stream.finish();
    const other = session.openStream();
    other.write(bytes(9));
    other.abort();
    expect(socket.sent.map((b) => [...b])).toEqual([
      [0, ...text('{"type":"leave"}')],
      [1, 7, 8],
      [2, 0, 1, 2],
      [2, 0, 3],
      [3, 0],
      [2, 1, 9],
      [4, 1, 0],
    ]);
  });

  it('receives it, too', async () => {
    socket.receive(0, ...text('{"type":"track_ended","track":3}'));
    socket.receive(1, 5, 6);
    socket.receive(2, 0x40, 0x41, 1, 2);
    socket.receive(2, 0x40, 0x41, 3);
    socket.receive(3, 0x40, 0x41);
    expect(messages).toEqual([{ type: 'track_ended', track: 3 }]);
    expect(datagrams.map((b) => [...b])).toEqual([[5, 6]]);
    expect(streams.length).toBe(1);
    expect(await streams[0]?.read()).toEqual(bytes(1, 2));
    expect(await streams[0]?.read()).toEqual(bytes(3));
    expect(await streams[0]?.read()).toBeNull();
    expect(closed).toBe(0);
  });

  it('ends a stream that was reset, at once', async () => {
    socket.receive(2, 4, 1);
    const [stream] = streams as [InStream];
    await stream.read();
    const waiting = stream.read();
    socket.receive(4, 4, 0);
    await expect(waiting).rejects.toThrow(CallError);
    socket.receive(4, 9, 0); // one that is not known is over already
    expect(closed).toBe(0);
  });

  it('keeps what waits out of the socket, and control and datagrams go past it', async () => {
    const stream = session.openStream();
    for (let i = 0; i < 10; i++) stream.write(new Uint8Array(20_000));
    expect(socket.bufferedAmount).toBeLessThan(64 * 1024 + 17 * 1024);
    expect(stream.backlog).toBeGreaterThan(5);
    session.datagram(bytes(1));
    session.send({ type: 'leave' });
    expect(socket.of(1).length).toBe(1);
    expect(socket.of(0).length).toBe(1);
    for (let i = 0; i < 5; i++) await drain();
    expect(stream.backlog).toBe(0);
    const total = socket.of(2).reduce((n, b) => n + b.length - 1, 0);
    expect(total).toBe(200_000);
  });

  it('sends a large frame in pieces', async () => {
    const frame = Uint8Array.from({ length: 50_000 }, (_, i) => i % 251);
    session.openStream().write(frame);
    await drain();
    const pieces = socket.of(2);
    expect(pieces.length).toBe(4);
    expect(pieces.flatMap((p) => p.slice(1))).toEqual([...frame]);
  });

  it('sheds a stream that is given up: what waits is never sent', async () => {
    const stale = session.openStream();
    for (let i = 0; i < 20; i++) stale.write(new Uint8Array(20_000));
    const sent = socket.of(2).length;
    stale.abort();
    expect(socket.of(4)).toEqual([[0, 0]]);
    const fresh = session.openStream();
    fresh.write(bytes(1));
    await drain();
    expect(socket.of(2).length).toBe(sent + 1);
    expect(socket.of(2).at(-1)).toEqual([1, 1]);
    expect(stale.broken).toBe(true);
    expect(stale.backlog).toBe(0);
  });

  it('gives up the oldest stream when too much waits', () => {
    const first = session.openStream();
    first.write(new Uint8Array(200_000));
    first.finish();
    const second = session.openStream();
    for (let i = 0; i < 10; i++) second.write(new Uint8Array(100_000));
    expect(first.broken).toBe(true);
    expect(second.broken).toBe(false);
    expect(socket.of(4)).toEqual([[0, 0]]);
  });

  it('drops datagrams that would be late, never control', () => {
    socket.bufferedAmount = 500_000;
    session.datagram(bytes(1));
    expect(socket.of(1)).toEqual([]);
    session.send({ type: 'leave' });
    expect(socket.of(0).length).toBe(1);
  });

  it('bounds what is not read', async () => {
    socket.receive(2, 0, 1);
    const chunk = new Uint8Array(MAX_FRAME / 2);
    chunk.set([2, 0]);
    for (let i = 0; i < 10; i++) socket.onmessage?.({ data: chunk.slice().buffer });
    await expect(streams[0]?.read()).rejects.toThrow(CallError);
    expect(closed).toBe(0);
  });

  it('drops what comes on a cancelled stream, also when it was read to that point', () => {
    socket.receive(2, 0, 1);
    streams[0]?.cancel();
    socket.receive(2, 0, 2);
    socket.receive(3, 0);
    expect(streams.length).toBe(1);
  });

  it.each([
    ['text', () => socket.onmessage?.({ data: 'hello' })],
    ['an empty message', () => socket.receive()],
    ['an unknown kind', () => socket.receive(5, 0)],
    ['a stream without number', () => socket.receive(2)],
    ['half a number', () => socket.receive(3, 0xc0, 1)],
    ['no JSON', () => socket.receive(0, 1, 2)],
  ])('ends with a peer that sends %s', (_, send) => {
    send();
    expect(closed).toBe(1);
    expect(socket.readyState).toBe(3);
    session.send({ type: 'leave' });
    expect(socket.sent).toEqual([]);
  });

  it('tells once that it is over, and ends its streams', async () => {
    socket.receive(2, 0, 1);
    const [stream] = streams as [InStream];
    await stream.read();
    const waiting = stream.read();
    socket.onclose?.();
    socket.onclose?.();
    expect(closed).toBe(1);
    await expect(waiting).rejects.toThrow(CallError);
    const out = session.openStream();
    out.write(bytes(1));
    expect(out.broken).toBe(true);
  });

  it('says nothing after its owner closed it', () => {
    session.close();
    expect(socket.readyState).toBe(3);
    socket.onclose?.();
    expect(closed).toBe(0);
  });
});

describe('opening a WebSocket', () => {
  beforeEach(() => {
    vi.stubGlobal('WebSocket', FakeSocket);
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const none = {
    message: () => undefined,
    datagram: () => undefined,
    stream: () => undefined,
    closed: () => undefined,
  };

  it('rejects when the server refuses', async () => {
    const opening = openWebSocket(target, none, new AbortController().signal, {
      resume: false,
      before: null,
    });
    FakeSocket.last.onclose?.();
    await expect(opening).rejects.toThrow(CallError);
  });

  it('closes the socket when it is called off', async () => {
    const abort = new AbortController();
    const opening = openWebSocket(target, none, abort.signal, { resume: false, before: null });
    abort.abort();
    await expect(opening).rejects.toThrow(CallError);
    expect(FakeSocket.last.readyState).toBe(3);
  });
});
