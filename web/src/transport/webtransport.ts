// A Session over WebTransport (HTTP/3). One instance is one QUIC connection's session; it never reconnects, see connection.ts.

import { encodeMessage, MessageReader, ProtocolError } from '../protocol/framing.ts';
import type { FromParticipant } from '../protocol/messages.gen.ts';
import type { Bytes } from '../protocol/varint.ts';
import { CallError, LOST, UNREACHABLE, UNSUPPORTED } from './failure.ts';
import type { InStream, OpenSession, OutStream, Session, SessionHandlers, Target } from './transport.ts';

const MAX_DATAGRAMS = 24; // on the way to the network at once
const DATAGRAM_AGE = 250; // ms; what could not be sent by then is of no use
const OPENING_RTTS = 2; // QUIC's handshake, in which HTTP/3's settings come; then WebTransport's own request

export const openWebTransport: OpenSession = async (target, handlers, signal) => {
  if (typeof WebTransport === 'undefined') throw new CallError(UNSUPPORTED);
  const startedAt = performance.now();
  const transport = connect(target);
  transport.closed.catch(() => undefined); // observed below once it is open
  const abort = () => transport.close();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await transport.ready;
    const rtt = (performance.now() - startedAt) / OPENING_RTTS;
    const control = await transport.createBidirectionalStream();
    if (signal.aborted) throw new CallError(UNREACHABLE);
    return new WebTransportSession(transport, rtt, control, handlers);
  } catch (error) {
    transport.close();
    throw error instanceof CallError ? error : new CallError(UNREACHABLE);
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

function connect(target: Target): WebTransport {
  const options: WebTransportOptions = { congestionControl: 'low-latency', requireUnreliable: true };
  if (target.hashes.length > 0) {
    options.serverCertificateHashes = target.hashes.map((hex) => ({
      algorithm: 'sha-256',
      value: fromHex(hex),
    }));
  }
  try {
    return new WebTransport(target.url, options);
  } catch {
    throw new CallError(UNREACHABLE);
  }
}

function fromHex(hex: string): Bytes {
  return Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
}

class WebTransportSession implements Session {
  readonly transport = 'webtransport';
  readonly #transport: WebTransport;
  readonly #handlers: SessionHandlers;
  readonly #control: WritableStreamDefaultWriter<Bytes>;
  readonly #datagrams: WritableStreamDefaultWriter<Bytes>;
  #sending = 0;
  #ended = false;

  constructor(
    transport: WebTransport,
    readonly rtt: number,
    control: WebTransportBidirectionalStream,
    handlers: SessionHandlers,
  ) {
    this.#transport = transport;
    this.#handlers = handlers;
    this.#control = control.writable.getWriter();
    const datagrams = transport.datagrams as WebTransportDatagramDuplexStream & {
      createWritable: () => WritableStream<Bytes>; // instead of `writable` in the newest draft
    };
    datagrams.incomingHighWaterMark = 256; // the default drops whatever is not read at once
    datagrams.outgoingMaxAge = DATAGRAM_AGE;
    this.#datagrams = (datagrams.writable ?? datagrams.createWritable()).getWriter();
    void this.#readControl(control.readable);
    void this.#each<Bytes>(datagrams.readable, (b) => handlers.datagram(b));
    void this.#each<ReadableStream<Uint8Array>>(transport.incomingUnidirectionalStreams, (s) =>
      handlers.stream(new Incoming(s)),
    );
    transport.closed.then(
      () => this.#end(),
      () => this.#end(),
    );
  }

  send(message: FromParticipant): void {
    this.#control.write(encodeMessage(message)).catch(() => undefined); // `closed` tells
  }

  datagram(bytes: Bytes): void {
    if (this.#sending >= MAX_DATAGRAMS || this.#ended) return;
    this.#sending++;
    const done = () => {
      this.#sending--;
    };
    this.#datagrams.write(bytes).then(done, done);
  }

  openStream(): OutStream {
    return new Outgoing(this.#transport.createUnidirectionalStream());
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#transport.close({ closeCode: 0, reason: '' });
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handlers.closed(LOST);
  }

  async #readControl(readable: ReadableStream<Uint8Array>): Promise<void> {
    const messages = new MessageReader();
    try {
      await this.#each<Uint8Array>(readable, (chunk) => {
        for (const message of messages.push(chunk)) this.#handlers.message(message);
      });
    } finally {
      // Without its control stream a session is of no use, whatever ended it.
      if (!this.#ended) {
        this.#transport.close();
        this.#end();
      }
    }
  }

  /** Calls `take` with everything that comes, until the end or a breach of the protocol. */
  async #each<T>(readable: ReadableStream<T>, take: (value: T) => void): Promise<void> {
    const reader = readable.getReader();
    for (;;) {
      const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true as const }));
      if (done || this.#ended) return;
      try {
        take(value);
      } catch (error) {
        console.error('session:', error);
        if (error instanceof ProtocolError) return;
      }
    }
  }
}

class Incoming implements InStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(readable: ReadableStream<Uint8Array>) {
    this.#reader = readable.getReader();
  }

  async read(): Promise<Uint8Array | null> {
    const { value, done } = await this.#reader.read();
    return done ? null : value;
  }

  cancel(): void {
    this.#reader.cancel().catch(() => undefined);
  }
}

/** Writes are queued behind the opening of the stream; `backlog` shows them. */
class Outgoing implements OutStream {
  backlog = 0;
  broken = false;
  readonly #writer: Promise<WritableStreamDefaultWriter<Bytes> | null>;

  constructor(opening: Promise<WritableStream<Bytes>>) {
    this.#writer = opening.then(
      (writable) => {
        const writer = writable.getWriter();
        writer.closed.catch(() => {
          this.broken = true;
        });
        return writer;
      },
      () => {
        this.broken = true;
        return null;
      },
    );
  }

  write(bytes: Bytes): void {
    if (this.broken) return;
    this.backlog++;
    const done = () => {
      this.backlog--;
    };
    void this.#writer.then((w) => w?.write(bytes)).then(done, done);
  }

  finish(): void {
    void this.#writer.then((w) => w?.close()).catch(() => undefined);
  }

  abort(): void {
    this.broken = true;
    void this.#writer.then((w) => w?.abort()).catch(() => undefined);
  }
}
