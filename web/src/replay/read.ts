// Reads a recording from a file or a response, piece by piece, so that a large one neither stops the page nor is held as text.

import { RECORDING_LIMIT } from '../protocol/messages.gen.ts';
import { Parser, type Recording, RecordingError } from './parse.ts';

/** No line is as long: measurements of a thousand connections are half of it. */
const longestLine = 2_000_000; // characters

export interface ReadOptions {
  limit?: number; // bytes
  /** Ends the reading; the promise rejects then. */
  signal?: AbortSignal;
}

/** Reads lines of JSON, packed with gzip or not. Throws a RecordingError with a sentence for people. */
export async function readRecording(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
  { limit = RECORDING_LIMIT, signal }: ReadOptions = {},
): Promise<Recording> {
  const parser = new Parser();
  const decoder = new TextDecoder();
  let rest = '';
  let bytes = 0;
  let cut = false;
  const reader = (await unpacked(source)).getReader();
  const stop = () => void reader.cancel().catch(() => undefined); // the source of what is not read any more
  signal?.addEventListener('abort', stop);
  try {
    for (;;) {
      let piece: Uint8Array | undefined;
      try {
        piece = (await reader.read()).value;
      } catch {
        cut = true; // gzip that ends too early; what came before is good
      }
      signal?.throwIfAborted();
      if (!piece) break;
      bytes += piece.length;
      if (bytes > limit) {
        throw new RecordingError(
          `This file has more than ${Math.round(limit / 1e6)} MB. The page holds all of a recording in memory, so it opens none that is larger.`,
        );
      }
      rest += decoder.decode(piece, { stream: true });
      let from = 0;
      for (let to = rest.indexOf('\n'); to >= 0; to = rest.indexOf('\n', from)) {
        parser.line(rest.slice(from, to));
        from = to + 1;
      }
      rest = rest.slice(from);
      if (rest.length > longestLine) {
        parser.line(rest); // which says what is wrong with it
        rest = '';
      }
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
  return parser.finish(rest + decoder.decode(), cut);
}

/** The bytes, without gzip if they are in it. */
async function unpacked(
  source: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const reader = source.getReader();
  const first = (await reader.read()).value;
  const all = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      if (first) controller.enqueue(first);
      else controller.close();
    },
    async pull(controller) {
      const { value } = await reader.read();
      if (value) controller.enqueue(value);
      else controller.close();
    },
    cancel: (why) => reader.cancel(why),
  });
  const packed = first && first[0] === 0x1f && first[1] === 0x8b;
  return packed ? all.pipeThrough(new DecompressionStream('gzip')) : all;
}
