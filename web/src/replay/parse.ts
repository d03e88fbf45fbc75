// Reads a recording (server/recording/doc.go): text to actions for the dashboard's store. What is wrong with a file is said in a sentence for people.

import type { Action } from '../dashboard/store.ts';
import { parseTime } from '../dashboard/time.ts';
import {
  RECORDING_FORMAT,
  RECORDING_VERSION,
  type RecordingEnd,
  type RecordingHeader,
  type RecordingLine,
} from '../protocol/messages.gen.ts';
import { isEvent, isSample, isSnapshot, type Unknown } from './shape.ts';

export interface Entry {
  /** When it was delivered, ms on the recording's clock; never less than of the entry before. */
  readonly at: number;
  readonly action: Action;
}

export interface Recording {
  readonly header: RecordingHeader;
  readonly entries: readonly Entry[];
  /** 'cut': the last line is not whole. '': there is no last line that says why it ends, as of a server that was killed. */
  readonly end: RecordingEnd | 'cut' | '';
}

/** More are not drawn in time, nor kept: each has measurements of its own. */
const mostConnections = 2000;

/** Why a file cannot be shown. */
export class RecordingError extends Error {}

/** Takes the lines of a recording one after another. */
export class Parser {
  private header: RecordingHeader | null = null;
  private entries: Entry[] = [];
  private connections = new Set<string>();
  private end: Recording['end'] = '';
  private count = 0;

  line(text: string): void {
    this.count++;
    if (!this.header) this.header = headerOf(text);
    else if (text.trim() !== '') this.take(this.object(text));
  }

  /** `rest` is what stands after the last line's end; `cut` says that the file goes no further although there was more. */
  finish(rest: string, cut = false): Recording {
    if (this.count === 0 && rest.trim() === '') throw new RecordingError('This file is empty.');
    if (!this.header) this.line(rest);
    else if (rest.trim() !== '' && whole(rest)) this.line(rest);
    else if (rest.trim() !== '' || cut) this.end = 'cut';
    if (!this.header || this.entries.length === 0)
      throw new RecordingError('There is nothing in this recording: nobody was connected while it was made.');
    return { header: this.header, entries: this.entries, end: this.end };
  }

  private object(text: string): Unknown {
    const value = whole(text);
    if (value) return value;
    throw new RecordingError(`Line ${this.count} of this file is damaged: it is no JSON object.`);
  }

  private take(value: Unknown): void {
    const line = value as unknown as Partial<RecordingLine>;
    const at = typeof line.at === 'string' ? parseTime(line.at) : Number.NaN;
    if (!Number.isFinite(at)) throw this.wrong('no time');
    if (line.event !== undefined) {
      if (!isEvent(line.event)) throw this.wrong('an event');
      this.know(line.event.connection);
      this.add(at, { type: 'event', event: line.event });
    } else if (line.snapshot !== undefined) {
      if (!isSnapshot(line.snapshot)) throw this.wrong('a snapshot');
      this.know(line.snapshot.id);
      this.add(at, { type: 'snapshot', snapshot: line.snapshot });
    } else if (line.samples !== undefined) {
      if (!Array.isArray(line.samples) || !line.samples.every(isSample)) throw this.wrong('measurements');
      this.add(at, { type: 'samples', samples: line.samples });
    } else if (line.end === 'stopped' || line.end === 'limit') this.end = line.end;
    // Anything else is of a newer program.
  }

  private know(connection: string): void {
    if (this.connections.add(connection).size > mostConnections)
      throw new RecordingError(
        `This recording has more than ${mostConnections} connections, which is more than the page can show.`,
      );
  }

  private add(at: number, action: Action): void {
    this.entries.push({ at: Math.max(at, this.entries.at(-1)?.at ?? at), action });
  }

  private wrong(what: string): RecordingError {
    return new RecordingError(
      `Line ${this.count} of this file has ${what}${what === 'no time' ? '' : ' that is not as recordings have it'}, so the file is not shown.`,
    );
  }
}

/** The JSON object that a text is, or null. */
function whole(text: string): Unknown | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Unknown) : null;
  } catch {
    return null;
  }
}

function headerOf(text: string): RecordingHeader {
  const value = whole(text);
  if (value?.format !== RECORDING_FORMAT) {
    throw new RecordingError(
      'This is no recording of Roamcall: the first line of one says that it is, and this one’s does not.',
    );
  }
  if (value.version !== RECORDING_VERSION) {
    throw new RecordingError(
      `This recording has version ${String(value.version)} of the format, and this page reads version ${RECORDING_VERSION}: open it with the Roamcall that made it, or a newer one.`,
    );
  }
  return {
    format: RECORDING_FORMAT,
    version: RECORDING_VERSION,
    time: typeof value.time === 'string' ? value.time : '',
    roamcall: typeof value.roamcall === 'string' ? value.roamcall : '',
    redacted: value.redacted === true,
  };
}
