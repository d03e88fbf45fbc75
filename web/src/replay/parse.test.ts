import { describe, expect, test } from 'vitest';
import { event, iso, origin, report, sample, snapshot } from '../dashboard/fixture.ts';
import { Parser, type Recording, RecordingError } from './parse.ts';
import { readRecording } from './read.ts';

const header = JSON.stringify({
  format: 'roamcall-recording',
  version: 1,
  time: iso(0),
  roamcall: 'v1',
  redacted: true,
  later: 'unknown',
});
const line = (at: number, what: object) => JSON.stringify({ at: iso(at), ...what });
const good = [
  header,
  line(1, { snapshot: snapshot() }),
  line(2, { event: event('handover_report', 2, { report: report() }) }),
  line(3, { samples: [sample(3), sample(3, { connection: 'c2' })] }),
  line(4, { weather: 'fine' }), // of a newer program
  line(5, { event: event('moment_marked', 5, { connection: '', text: 'now' }) }),
  line(6, { end: 'stopped' }),
];

/** Pieces of bytes as a file gives them, cut wherever. */
function stream(
  bytes: Uint8Array<ArrayBuffer>,
  size = bytes.length || 1,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

const encode = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const read = (text: string, size?: number) => readRecording(stream(encode(text), size));

async function packed(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const zipped = stream(encode(text)).pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}

function kinds(recording: Recording): string[] {
  return recording.entries.map((e) => `${e.at - origin} ${e.action.type}`);
}

describe('a good file', () => {
  const want = ['1 snapshot', '2 event', '3 samples', '5 event'];

  test.each([1, 2, 7, 1000, 100_000])('in pieces of %i bytes', async (size) => {
    const recording = await read(`${good.join('\n')}\n`, size);
    expect(kinds(recording)).toEqual(want);
    expect(recording.header).toEqual({
      format: 'roamcall-recording',
      version: 1,
      time: iso(0),
      roamcall: 'v1',
      redacted: true,
    });
    expect(recording.end).toBe('stopped');
  });
  test('without a line end at its end, with Windows’ ones, or with empty lines', async () => {
    expect(kinds(await read(good.join('\n')))).toEqual(want);
    expect(kinds(await read(good.join('\r\n')))).toEqual(want);
    expect(kinds(await read(good.join('\n\n')))).toEqual(want);
  });
  test('packed', async () => {
    const recording = await readRecording(stream(await packed(good.join('\n')), 10));
    expect(kinds(recording)).toEqual(want);
  });
  test('of a server whose clock was put back: time stands still', async () => {
    const back = [
      header,
      line(500, { snapshot: snapshot() }),
      line(400, { event: event('path_validated', 400) }),
      line(600, { event: event('path_validated', 600) }),
    ];
    expect((await read(back.join('\n'))).entries.map((e) => e.at - origin)).toEqual([500, 500, 600]);
  });
});

describe('a file that ends too early keeps what it has', () => {
  test('in the middle of a line', async () => {
    const text = good.slice(0, 4).join('\n');
    const recording = await read(text.slice(0, text.length - 40));
    expect(kinds(recording)).toEqual(['1 snapshot', '2 event']);
    expect(recording.end).toBe('cut');
  });
  test('at the end of a line, as when the server was killed', async () => {
    expect((await read(`${good.slice(0, 4).join('\n')}\n`)).end).toBe('');
  });
  test('at the limit', async () => {
    expect((await read([...good.slice(0, 4), line(9, { end: 'limit' })].join('\n'))).end).toBe('limit');
  });
  test('in the middle of what is packed', async () => {
    const long = [
      ...good.slice(0, 6),
      ...Array.from({ length: 3000 }, (_, i) =>
        line(10 + i, { event: event('path_challenge_sent', 10 + i, { challenge: String(Math.random()) }) }),
      ),
    ];
    const bytes = await packed(long.join('\n'));
    const recording = await readRecording(stream(bytes.slice(0, Math.floor(bytes.length * 0.7)), 500));
    expect(recording.end).toBe('cut');
    expect(recording.entries.length).toBeGreaterThan(100);
    expect(recording.entries.length).toBeLessThan(3000);
  });
});

describe('a file that cannot be shown says why', () => {
  const without = (value: object, member: string) =>
    Object.fromEntries(Object.entries(value).filter(([name]) => name !== member));
  test.each<[string, string, RegExp]>([
    ['empty', '', /empty/],
    ['blank', '\n\n', /no recording/],
    ['text', 'Dear diary,\nnothing happened', /no recording/],
    ['other JSON', '{"a":1}\n{"b":2}', /no recording/],
    ['a list', '[1]', /no recording/],
    ['one long line', 'x'.repeat(3_000_000), /no recording/],
    ['another version', header.replace('"version":1', '"version":2'), /version 2 .* reads version 1/],
    ['nothing but a header', header, /nothing in this recording/],
    ['nothing but an end', `${header}\n${line(1, { end: 'stopped' })}\n`, /nothing in this recording/],
    ['damaged within', `${header}\n{"at":"x\n${good[1]}`, /Line 2 .* damaged/],
    ['a line that is no object', `${header}\n${good[1]}\n7\n${good[2]}`, /Line 3 .* damaged/],
    ['no time', `${header}\n{"event":{}}\n`, /Line 2 .* no time/],
    ['a time that is none', `${header}\n{"at":"noon","event":{}}\n`, /no time/],
    ['an empty event', `${header}\n${line(1, { event: {} })}\n`, /Line 2 .* an event/],
    ['null for an event', `${header}\n${line(1, { event: null })}\n`, /an event/],
    [
      'an event with a number for a name',
      `${header}\n${line(1, { event: { ...event('path_validated', 1), name: 7 } })}\n`,
      /an event/,
    ],
    [
      'an event without a connection',
      `${header}\n${line(1, { event: without(event('path_validated', 1), 'connection') })}\n`,
      /an event/,
    ],
    [
      'a verdict that is none',
      `${header}\n${line(1, { event: { ...event('path_switched', 1), verdict: 'lost' } })}\n`,
      /an event/,
    ],
    [
      'a snapshot without metrics',
      `${header}\n${line(1, { snapshot: without(snapshot(), 'metrics') })}\n`,
      /a snapshot/,
    ],
    [
      'a snapshot with odd paths',
      `${header}\n${line(1, { snapshot: { ...snapshot(), paths: [1] } })}\n`,
      /a snapshot/,
    ],
    [
      'a report without directions',
      `${header}\n${line(1, { snapshot: { ...snapshot(), report: without(report(), 'up') } })}\n`,
      /a snapshot/,
    ],
    ['measurements that are no list', `${header}\n${line(1, { samples: {} })}\n`, /measurements/],
    [
      'a number that is none',
      `${header}\n${line(1, { snapshot: snapshot() }).replace(/"changes":\d+/, '"changes":1e999')}\n`,
      /a snapshot/,
    ],
    [
      'a snapshot with more paths than can be',
      `${header}\n${line(1, { snapshot: { ...snapshot(), paths: Array.from({ length: 1001 }, () => snapshot().paths[0]) } })}\n`,
      /a snapshot/,
    ],
    [
      'very many connections',
      [
        header,
        ...Array.from({ length: 2001 }, (_, i) =>
          line(1, { event: event('connection_started', 1, { connection: `c${i}` }) }),
        ),
      ].join('\n'),
      /more than 2000 connections/,
    ],
    [
      'a measurement without rates',
      `${header}\n${line(1, { samples: [without(sample(1), 'send_bps')] })}\n`,
      /measurements/,
    ],
  ])('%s', async (_, text, says) => {
    const failure = await read(text).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(RecordingError);
    expect((failure as Error).message).toMatch(says);
  });

  test('too large, packed or not', async () => {
    const text = [...good, ...Array.from({ length: 1000 }, () => good[3])].join('\n');
    await expect(readRecording(stream(encode(text), 5000), { limit: 100_000 })).rejects.toThrow(
      /more than 0 MB/,
    );
    await expect(readRecording(stream(await packed(text)), { limit: 100_000 })).rejects.toThrow(
      RecordingError,
    );
  });

  test('something binary', async () => {
    await expect(readRecording(stream(new Uint8Array([0, 1, 2, 10, 3])))).rejects.toThrow(/no recording/);
    await expect(readRecording(stream(new Uint8Array([0x1f, 0x8b, 1, 2, 3])))).rejects.toThrow(
      RecordingError,
    );
  });
});

test('reading ends when nobody waits for it any more', async () => {
  const stop = new AbortController();
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(encode(`${header}\n`)),
    cancel: () => {
      cancelled = true;
    },
  });
  const reading = readRecording(endless, { signal: stop.signal });
  stop.abort();
  await expect(reading).rejects.toBe(stop.signal.reason);
  expect(cancelled).toBe(true);
});

test('lines are counted as editors count them', () => {
  const parser = new Parser();
  parser.line(header);
  parser.line('');
  expect(() => parser.line('{')).toThrow(/Line 3 /);
});
