import { describe, expect, it } from 'vitest';
import { elapsed } from '../record.tsx';
import { FileSink, fileName, formatOf, MemorySink, type Writable } from './file.ts';

const at = new Date(2026, 10, 8, 9, 4, 5);
const webm = { mime: 'video/webm', extension: 'webm' } as const;

describe('the file of a recording', () => {
  it.each([
    ['demo', 'Roamcall demo 2026-11-08 09-04-05.webm'],
    ['ein Gespräch', 'Roamcall ein Gespräch 2026-11-08 09-04-05.webm'],
    ['../a\\b:c*?"<>|\u0000d', 'Roamcall .. a b c d 2026-11-08 09-04-05.webm'],
  ])('is named after the room %j and the time', (room, want) => {
    expect(fileName(room, at, webm)).toBe(want);
  });

  it('is WebM where the browser can, else MP4, else nothing', () => {
    expect(formatOf(() => true)).toEqual({ mime: 'video/webm;codecs=vp8,opus', extension: 'webm' });
    expect(formatOf((m) => m === 'video/mp4')?.extension).toBe('mp4');
    expect(formatOf(() => false)).toBeNull();
  });

  it('is kept up to a limit, and what came is saved', async () => {
    const saved: string[] = [];
    const sink = new MemorySink((parts) => void new Blob(parts).text().then((t) => saved.push(t)), 10);
    expect(sink.write(new Blob(['12345']))).toBeNull();
    expect(sink.write(new Blob(['67890']))).toMatch(/as large as/);
    expect(sink.write(new Blob(['!']))).not.toBeNull(); // the last part of a recorder that was stopped
    await sink.close();
    await expect.poll(() => saved).toEqual(['1234567890!']);
  });
});

/** A file whose writes end when they are told to. */
class Disk implements Writable {
  readonly written: string[] = [];
  closed = false;
  works = true;
  async write(chunk: Blob): Promise<void> {
    if (!this.works) throw new Error('full');
    this.written.push(await chunk.text());
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

describe('a file that is written as it comes', () => {
  it('has all of it, in order', async () => {
    const disk = new Disk();
    const sink = new FileSink(disk, 'call.webm');
    for (const part of ['a', 'b', 'c']) expect(sink.write(new Blob([part]))).toBeNull();
    expect(await sink.close()).toBe('Saved as call.webm.');
    expect([disk.written, disk.closed]).toEqual([['a', 'b', 'c'], true]);
  });

  it('says when the disk is full, and keeps what was written', async () => {
    const disk = new Disk();
    const sink = new FileSink(disk, 'call.webm');
    sink.write(new Blob(['a']));
    await expect.poll(() => disk.written).toEqual(['a']);
    disk.works = false;
    sink.write(new Blob(['b']));
    await expect.poll(() => sink.write(new Blob(['c']))).toMatch(/disk full/);
    await expect(sink.close()).rejects.toThrow(/could not be written/);
    expect([disk.written, disk.closed]).toEqual([['a'], true]);
  });

  it('does not grow in memory when the disk is slow', () => {
    const sink = new FileSink(
      { write: () => new Promise(() => undefined), close: async () => undefined },
      'call.webm',
    );
    const part = new Blob([new Uint8Array(16_000_000)]);
    expect([1, 2, 3, 4].map(() => sink.write(part)).map((why) => why !== null)).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});

it.each([
  [0, '0:00'],
  [-300, '0:00'],
  [65_900, '1:05'],
  [3_600_000, '60:00'],
])('%i ms are %s', (ms, want) => {
  expect(elapsed(ms)).toBe(want);
});
