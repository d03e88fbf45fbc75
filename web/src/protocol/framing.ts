// Cuts byte streams into what they carry: messages on the control stream, RTP packets on a media stream. Chunks arrive split anywhere.

import { type FromParticipant, type FromServer, MAX_MESSAGE } from './messages.gen.ts';
import { type Bytes, readVarint, varintSize, writeVarint } from './varint.ts';

/** Largest RTP packet of a video frame that is accepted, as in package media. */
export const MAX_FRAME = 2 << 20;

/** The peer broke the protocol; the session cannot go on. */
export class ProtocolError extends Error {}

/** One message with its length in front of it. */
export function encodeMessage(message: FromParticipant): Bytes {
  const body = new TextEncoder().encode(JSON.stringify(message));
  if (body.length > MAX_MESSAGE) {
    throw new ProtocolError(`a ${message.type} message of ${body.length} bytes is too long`);
  }
  const out = new Uint8Array(4 + body.length);
  new DataView(out.buffer).setUint32(0, body.length);
  out.set(body, 4);
  return out;
}

/** Bytes that were received and not yet consumed. It grows in powers of two and forgets what was consumed. */
class ByteQueue {
  #buffer = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  get bytes(): Bytes {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  push(chunk: Uint8Array): void {
    const length = this.#end - this.#start;
    if (this.#end + chunk.length > this.#buffer.length) {
      let size = this.#buffer.length;
      while (size < length + chunk.length) size *= 2;
      const next = size === this.#buffer.length ? this.#buffer : new Uint8Array(size);
      next.set(this.bytes, 0);
      this.#buffer = next;
      this.#start = 0;
      this.#end = length;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  consume(n: number): void {
    this.#start += n;
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
  }
}

/** Reads the control stream. */
export class MessageReader {
  #queue = new ByteQueue();

  /** Takes the next bytes and returns the messages that they complete. Unknown types are the caller's to skip. */
  push(chunk: Uint8Array): FromServer[] {
    this.#queue.push(chunk);
    const messages: FromServer[] = [];
    for (;;) {
      const bytes = this.#queue.bytes;
      if (bytes.length < 4) return messages;
      const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      if (size > MAX_MESSAGE) throw new ProtocolError(`a message of ${size} bytes is too long`);
      if (bytes.length < 4 + size) return messages;
      messages.push(parseMessage(bytes.subarray(4, 4 + size)));
      this.#queue.consume(4 + size);
    }
  }
}

/** A message without its length. */
export function parseMessage(body: Uint8Array): FromServer {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new ProtocolError('a message that is not JSON');
  }
  if (typeof value !== 'object' || value === null || typeof (value as { type?: unknown }).type !== 'string') {
    throw new ProtocolError('a message without a type');
  }
  return value as FromServer;
}

/** Reads a media stream: the flow identifier once, then packets. */
export class FrameReader {
  /** Known after the first bytes. */
  flow: number | null = null;
  #queue = new ByteQueue();

  /** Takes the next bytes and returns copies of the packets that they complete. */
  push(chunk: Uint8Array): Bytes[] {
    this.#queue.push(chunk);
    if (this.flow === null) {
      const flow = readVarint(this.#queue.bytes, 0);
      if (!flow) return [];
      this.flow = flow.value;
      this.#queue.consume(flow.next);
    }
    const packets: Bytes[] = [];
    for (;;) {
      const bytes = this.#queue.bytes;
      const length = readVarint(bytes, 0);
      if (!length) return packets;
      if (length.value > MAX_FRAME) throw new ProtocolError(`a frame of ${length.value} bytes is too long`);
      const end = length.next + length.value;
      if (bytes.length < end) return packets;
      packets.push(bytes.slice(length.next, end));
      this.#queue.consume(end);
    }
  }
}

/** Room for `size` bytes behind their length, and behind `flow` if it is the first on its stream; `write` fills in the bytes. */
export function framed(flow: number | null, size: number, write: (out: Bytes, at: number) => void): Bytes {
  const head = (flow === null ? 0 : varintSize(flow)) + varintSize(size);
  const out = new Uint8Array(head + size);
  let p = 0;
  if (flow !== null) p = writeVarint(out, p, flow);
  p = writeVarint(out, p, size);
  write(out, p);
  return out;
}
