// A Session over a WebSocket, for networks where UDP does not pass and browsers without WebTransport. signaling/doc.go has the bytes.
//
// TCP delivers everything in order, late rather than never, and what the socket has taken cannot be taken back. So streams wait here and not in the
// socket: a stream that is given up takes with it what has not left, and control and datagrams go past what waits.

import { encodeMessage, MAX_FRAME, ProtocolError, parseMessage } from '../protocol/framing.ts';
import type { FromParticipant } from '../protocol/messages.gen.ts';
import { type Bytes, readVarint, varintSize, writeVarint } from '../protocol/varint.ts';
import { CallError, LOST, UNREACHABLE } from './failure.ts';
import type { InStream, OpenSession, OutStream, Session, SessionHandlers } from './transport.ts';

const KIND = { control: 0, datagram: 1, stream: 2, end: 3, reset: 4 } as const;

/** Streams are handed to the socket while less than this waits in it. */
const STREAMS_BELOW = 64 << 10;
/** Datagrams are dropped above this: half a second at 2 Mbit/s, when they would be of no use. */
const DATAGRAMS_BELOW = 128 << 10;
/** A large frame is sent in pieces, so that sound does not wait for all of it. */
const PIECE = 16 << 10;
/** What waits in all streams; above it the oldest stream is given up. */
const MAX_WAITING = 1 << 20;
const PUMP_MS = 5;

/** What came on a stream and was not read: two frames of the largest size. */
const MAX_UNREAD = 2 * MAX_FRAME;
const MAX_STREAMS = 1024;

const OPENING_RTTS = { 'ws:': 2, 'wss:': 3 }; // TCP, perhaps TLS, and the request

/** Why a stream ends early; the server only needs to know that it does. */
const SHED = 0;

export const openWebSocket: OpenSession = (target, handlers, signal) =>
  new Promise((resolve, reject) => {
    const fail = () => reject(new CallError(UNREACHABLE));
    if (signal.aborted) {
      fail();
      return;
    }
    const startedAt = performance.now();
    let socket: WebSocket;
    try {
      socket = new WebSocket(target.websocket);
    } catch {
      fail();
      return;
    }
    socket.binaryType = 'arraybuffer';
    const settled = () => {
      signal.removeEventListener('abort', abort);
      socket.onopen = null;
      socket.onclose = null;
    };
    const abort = () => {
      settled();
      socket.close();
      fail();
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.onclose = () => {
      settled();
      fail();
    };
    socket.onopen = () => {
      settled();
      const rtts = socket.url.startsWith('ws:') ? OPENING_RTTS['ws:'] : OPENING_RTTS['wss:'];
      resolve(new WebSocketSession(socket, (performance.now() - startedAt) / rtts, handlers));
    };
  });

class WebSocketSession implements Session {
  readonly transport = 'websocket';
  readonly #socket: WebSocket;
  readonly #handlers: SessionHandlers;
  readonly #incoming = new Map<number, Incoming>();
  readonly #waiting = new Set<Outgoing>(); // oldest first
  #opened = 0;
  #pump: ReturnType<typeof setTimeout> | null = null;
  #ended = false;

  constructor(
    socket: WebSocket,
    readonly rtt: number,
    handlers: SessionHandlers,
  ) {
    this.#socket = socket;
    this.#handlers = handlers;
    socket.onmessage = (e: MessageEvent<unknown>) => {
      if (this.#ended) return;
      try {
        this.#receive(e.data);
      } catch (error) {
        console.error('session:', error);
        if (error instanceof ProtocolError || error instanceof RangeError) this.#end();
      }
    };
    socket.onclose = () => this.#end();
  }

  send(message: FromParticipant): void {
    const framed = encodeMessage(message);
    const out = framed.subarray(3); // the last byte of the length gives way to the kind
    out[0] = KIND.control;
    this.#put(out);
  }

  datagram(bytes: Bytes): void {
    if (this.#socket.bufferedAmount > DATAGRAMS_BELOW) return;
    const out = new Uint8Array(1 + bytes.length);
    out[0] = KIND.datagram;
    out.set(bytes, 1);
    this.#put(out);
  }

  openStream(): OutStream {
    return new Outgoing(this.#opened++, {
      wake: (stream) => this.#wake(stream),
      reset: (id) => this.#put(head(KIND.reset, id, SHED)),
    });
  }

  close(): void {
    if (this.#ended) return;
    this.#over();
    this.#socket.close();
  }

  #put(bytes: Bytes): void {
    if (!this.#ended && this.#socket.readyState === 1) this.#socket.send(bytes);
  }

  #end(): void {
    if (this.#ended) return;
    this.#over();
    this.#socket.close();
    this.#handlers.closed(LOST);
  }

  #over(): void {
    this.#ended = true;
    if (this.#pump) clearTimeout(this.#pump);
    for (const s of this.#incoming.values()) s.fail();
    for (const s of this.#waiting) s.drop();
    this.#incoming.clear();
    this.#waiting.clear();
  }

  /** A stream has something to send. */
  #wake(stream: Outgoing): void {
    if (this.#ended) {
      stream.drop();
      return;
    }
    this.#waiting.add(stream);
    this.#flush();
    let total = 0;
    for (const s of this.#waiting) total += s.size;
    for (const oldest of this.#waiting) {
      if (total <= MAX_WAITING) break;
      total -= oldest.size;
      this.#waiting.delete(oldest);
      oldest.abort();
    }
  }

  /** Hands to the socket what it should have by now, and comes back for the rest: a WebSocket does not tell when it has room. */
  #flush(): void {
    for (const stream of this.#waiting) {
      while (this.#socket.bufferedAmount < STREAMS_BELOW) {
        const message = stream.next();
        if (!message) break;
        this.#put(message);
      }
      if (!stream.idle) break;
      this.#waiting.delete(stream);
    }
    if (this.#waiting.size === 0 || this.#pump) return;
    this.#pump = setTimeout(() => {
      this.#pump = null;
      this.#flush();
    }, PUMP_MS);
  }

  #receive(data: unknown): void {
    if (!(data instanceof ArrayBuffer) || data.byteLength === 0) {
      throw new ProtocolError('a WebSocket message that is empty or text');
    }
    const bytes = new Uint8Array(data);
    const kind = bytes[0];
    if (kind === KIND.control) this.#handlers.message(parseMessage(bytes.subarray(1)));
    else if (kind === KIND.datagram) this.#handlers.datagram(bytes.subarray(1));
    else if (kind === KIND.stream || kind === KIND.end || kind === KIND.reset) {
      const id = readVarint(bytes, 1);
      if (!id) throw new ProtocolError('a WebSocket message without its stream');
      if (kind === KIND.stream) this.#stream(id.value, bytes.subarray(id.next));
      else this.#streamOver(id.value, kind === KIND.end);
    } else throw new ProtocolError(`a WebSocket message of kind ${kind}`);
  }

  #streamOver(id: number, whole: boolean): void {
    const stream = this.#incoming.get(id);
    this.#incoming.delete(id);
    if (whole) stream?.end();
    else stream?.fail();
  }

  #stream(id: number, bytes: Uint8Array): void {
    let stream = this.#incoming.get(id);
    if (!stream) {
      if (this.#incoming.size >= MAX_STREAMS) throw new ProtocolError(`more than ${MAX_STREAMS} streams`);
      stream = new Incoming();
      this.#incoming.set(id, stream);
      stream.push(bytes);
      this.#handlers.stream(stream);
      return;
    }
    stream.push(bytes);
  }
}

function head(kind: number, ...numbers: number[]): Bytes {
  const out = new Uint8Array(1 + numbers.reduce((n, v) => n + varintSize(v), 0));
  out[0] = kind;
  numbers.reduce((at, v) => writeVarint(out, at, v), 1);
  return out;
}

/** What was received and not read. One reader at a time. */
class Incoming implements InStream {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #over: 'end' | 'reset' | null = null;
  #wake: (() => void) | null = null;

  push(bytes: Uint8Array): void {
    if (this.#over) return; // cancelled, or given up
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    if (this.#size > MAX_UNREAD) this.fail();
    this.#wake?.();
  }

  end(): void {
    this.#over ??= 'end';
    this.#wake?.();
  }

  fail(): void {
    this.#over = 'reset';
    this.#chunks = [];
    this.#wake?.();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#size -= chunk.length;
        return chunk;
      }
      if (this.#over === 'end') return null;
      if (this.#over) throw new CallError(LOST);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  /** The rest is dropped as it comes: the server would learn too late over TCP that it need not send it. */
  cancel(): void {
    this.fail();
  }
}

interface Way {
  wake(stream: Outgoing): void;
  reset(id: number): void;
}

class Outgoing implements OutStream {
  broken = false;
  readonly #id: number;
  readonly #way: Way;
  #writes: { bytes: Bytes; sent: number }[] = [];
  #begun = false; // the server knows of it
  #finished = false;
  #told = false; // of its end

  constructor(id: number, way: Way) {
    this.#id = id;
    this.#way = way;
  }

  get backlog(): number {
    return this.#writes.length;
  }

  /** Bytes that wait. */
  get size(): number {
    return this.#writes.reduce((n, w) => n + w.bytes.length - w.sent, 0);
  }

  /** Nothing is left to send. */
  get idle(): boolean {
    return this.#writes.length === 0 && (!this.#finished || this.#told);
  }

  write(bytes: Bytes): void {
    if (this.broken || this.#finished) return;
    this.#writes.push({ bytes, sent: 0 });
    this.#way.wake(this);
  }

  finish(): void {
    if (this.broken || this.#finished) return;
    this.#finished = true;
    this.#way.wake(this);
  }

  abort(): void {
    if (this.broken || this.#told) return;
    this.drop();
    if (this.#begun) this.#way.reset(this.#id);
  }

  /** Forgets what waits, without a word to the server. */
  drop(): void {
    this.broken = true;
    this.#writes = [];
    this.#finished = true;
    this.#told = true;
  }

  /** The next message to send, null if there is none. */
  next(): Bytes | null {
    const write = this.#writes[0];
    if (!write) {
      if (!this.#finished || this.#told) return null;
      this.#told = true;
      return this.#begun ? head(KIND.end, this.#id) : null;
    }
    const piece = write.bytes.subarray(write.sent, write.sent + PIECE);
    write.sent += piece.length;
    if (write.sent >= write.bytes.length) this.#writes.shift();
    this.#begun = true;
    const start = head(KIND.stream, this.#id);
    const out = new Uint8Array(start.length + piece.length);
    out.set(start);
    out.set(piece, start.length);
    return out;
  }
}
