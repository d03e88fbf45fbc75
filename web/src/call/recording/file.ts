// The file of a recording: written as it grows where the browser lets a page write a file, else kept in memory and downloaded at the end.

/** As much as is kept in memory, bytes. */
export const MOST_KEPT = 2_000_000_000;
/** As much as may wait for a disk that is slow, bytes. */
const MOST_WAITING = 64_000_000;
const REVOKE_MS = 60_000;

export interface Format {
  mime: string;
  extension: 'webm' | 'mp4';
}

const FORMATS: Format[] = [
  { mime: 'video/webm;codecs=vp8,opus', extension: 'webm' },
  { mime: 'video/webm;codecs=vp9,opus', extension: 'webm' },
  { mime: 'video/webm', extension: 'webm' },
  { mime: 'video/mp4', extension: 'mp4' },
];

/** What the browser records; null: nothing that we know. */
export function formatOf(supported: (mime: string) => boolean): Format | null {
  return FORMATS.find(({ mime }) => supported(mime)) ?? null;
}

/** "Roamcall demo 2026-11-28 15-04-05.webm", in local time; without what file names must not have. */
export function fileName(room: string, at: Date, { extension }: Format): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('-');
  const clean = room
    .replace(/[\p{Cc}\p{Cf}/\\:*?"<>|]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return `Roamcall ${clean} ${date} ${time}.${extension}`;
}

export interface Sink {
  /** Takes the next part. Says in words why it takes no more, null if it does. */
  write(chunk: Blob): string | null;
  /** Finishes the file; resolves to what to tell the person. Rejects with an Error for people. */
  close(): Promise<string>;
}

/** Keeps what is recorded, up to `most` bytes, for `save`. */
export class MemorySink implements Sink {
  readonly #most: number;
  readonly #save: (parts: Blob[]) => void;
  #parts: Blob[] = [];
  #bytes = 0;

  constructor(save: (parts: Blob[]) => void, most = MOST_KEPT) {
    this.#save = save;
    this.#most = most;
  }

  write(chunk: Blob): string | null {
    this.#parts.push(chunk);
    this.#bytes += chunk.size;
    return this.#bytes < this.#most
      ? null
      : 'The recording is as large as this browser can keep, so it ended here.';
  }

  async close(): Promise<string> {
    this.#save(this.#parts);
    this.#parts = [];
    return 'The recording is in your downloads.';
  }
}

/** The part of FileSystemWritableFileStream that is needed. */
export interface Writable {
  write(chunk: Blob): Promise<void>;
  close(): Promise<void>;
}

/** Writes into a file as it comes. */
export class FileSink implements Sink {
  readonly #file: Writable;
  readonly #name: string;
  #written: Promise<void> = Promise.resolve();
  #waiting = 0; // bytes
  #failed = false;

  constructor(file: Writable, name: string) {
    this.#file = file;
    this.#name = name;
  }

  write(chunk: Blob): string | null {
    if (this.#failed) return 'The file cannot be written any more, so the recording ended. Is the disk full?';
    this.#waiting += chunk.size;
    this.#written = this.#written
      .then(() => this.#file.write(chunk))
      .then(
        () => {
          this.#waiting -= chunk.size;
        },
        () => {
          this.#failed = true;
        },
      );
    return this.#waiting < MOST_WAITING ? null : 'The disk is too slow for the recording, so it ended.';
  }

  async close(): Promise<string> {
    await this.#written;
    try {
      await this.#file.close(); // what was written before a failure stays, too
    } catch {
      throw new Error('The recording could not be saved.');
    }
    if (this.#failed) throw new Error('The end of the recording could not be written. Is the disk full?');
    return `Saved as ${this.#name}.`;
  }
}

/** Not yet in TypeScript's libraries; in browsers, Chromium's only. */
interface FilePicker {
  showSaveFilePicker?(options: {
    suggestedName: string;
    types: { description: string; accept: Record<string, string[]> }[];
  }): Promise<FileSystemFileHandle>;
}

/** Asks for a file where the browser can, from a click or a key. Null if the person chose none. Rejects with an Error for people. */
export async function openSink(name: string, { mime, extension }: Format): Promise<Sink | null> {
  const picker = globalThis as unknown as FilePicker;
  const type = mime.split(';')[0] ?? mime;
  if (!picker.showSaveFilePicker) return new MemorySink((parts) => download(new Blob(parts, { type }), name));
  try {
    const handle = await picker.showSaveFilePicker({
      suggestedName: name,
      types: [{ description: 'Video', accept: { [type]: [`.${extension}`] } }],
    });
    return new FileSink(await handle.createWritable(), handle.name);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return null;
    throw new Error('The file cannot be written.');
  }
}

function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
}
