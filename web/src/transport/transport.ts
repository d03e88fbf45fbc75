// What a call needs of a transport: one ordered control stream, datagrams, and one-way streams. WebTransport is one (webtransport.ts); anything
// that can carry these, a WebSocket say, can be another.

import type { Failure } from '../call/types.ts';
import type { FromParticipant, FromServer } from '../protocol/messages.gen.ts';
import type { Bytes } from '../protocol/varint.ts';

/** Where a session is opened. */
export interface Target {
  url: string;
  /** SHA-256 of certificates to accept besides those the browser trusts, hex. */
  hashes: string[];
  /** Where the same session is to be had over a WebSocket. */
  websocket: string;
  /** The way there emulates networks for QUIC, which a WebSocket would go around. */
  emulated: boolean;
}

export type TransportName = 'webtransport' | 'websocket';

/** A way to the server that is given, and no other: what differs from the usual one. Several are ways of one call at the same time (lesson/compare). */
export interface Via {
  transport: TransportName;
  targets: Partial<Target>[];
}

/** A stream to the server. Nothing here throws; a stream that failed swallows what it is given. */
export interface OutStream {
  write(bytes: Bytes): void;
  /** Writes that the transport has not taken yet. */
  readonly backlog: number;
  /** True once it was reset by either side. */
  readonly broken: boolean;
  finish(): void;
  abort(): void;
}

/** A stream from the server. */
export interface InStream {
  /** The next bytes, null at the end. Rejects when the stream was reset or the session is gone. */
  read(): Promise<Uint8Array | null>;
  cancel(): void;
}

/** An open session. Its owner closes it. */
export interface Session {
  readonly transport: TransportName;
  /** The round trip as the opening of the session took it, with what the machine needed for it, ms. */
  readonly rtt: number;
  send(message: FromParticipant): void;
  /** Sends a datagram, or drops it if there are too many on the way already. */
  datagram(bytes: Bytes): void;
  openStream(): OutStream;
  close(): void;
}

export interface SessionHandlers {
  message(message: FromServer): void;
  datagram(bytes: Bytes): void;
  stream(stream: InStream): void;
  /** Once, whoever ended it; not after the owner's own close. */
  closed(failure: Failure): void;
}

/** What a session is opened for. */
export interface Purpose {
  resume: boolean;
  /** What carried the call so far. */
  before: TransportName | null;
  /** Nothing else will do. */
  only?: TransportName;
}

/** Opens a session. Rejects with a CallError. */
export type OpenSession = (
  target: Target,
  handlers: SessionHandlers,
  signal: AbortSignal,
  purpose: Purpose,
) => Promise<Session>;
