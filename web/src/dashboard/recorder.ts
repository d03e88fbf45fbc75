// What this dashboard was told, kept so that it can be saved as a recording: the format of the server's --record (server/recording/doc.go).

import {
  type ConnectionSnapshot,
  RECORDING_FORMAT,
  RECORDING_VERSION,
  type RecordingHeader,
  type RecordingLine,
} from '../protocol/messages.gen.ts';
import type { Live } from './live.ts';
import { type Action, empty, reduce, reduceAll, type State } from './store.ts';

/** Actions, and measurements or snapshots of one connection, that are kept: half an hour of ten connections, some 50 MB. Then the oldest quarter goes. */
const most = 100_000;

interface Entry {
  at: number; // Date.now()
  action: Action;
}

/** As many lines as it has, or as its parts are. */
function weight({ action }: Entry): number {
  if (action.type === 'samples') return Math.max(1, action.samples.length);
  return action.type === 'list' ? Math.max(1, action.snapshots.length) : 1;
}

export class Recorder {
  private entries: Entry[] = [];
  private kept = 0;
  /** What was known before the first entry, without measurements. */
  private base: State = empty;
  private live: Live | null = null;

  constructor(private readonly limit = most) {}

  /** Stands before the store: what is dispatched is kept and passed on. */
  before(live: Live): Live {
    this.live = live;
    return {
      ...live,
      dispatch: (action) => {
        this.take(action);
        live.dispatch(action);
      },
    };
  }

  private take(action: Action): void {
    const entry = { at: Date.now(), action };
    this.entries.push(entry);
    this.kept += weight(entry);
    if (this.kept <= this.limit) return;
    const gone: Entry[] = [];
    while (this.kept > this.limit * 0.75) {
      const first = this.entries[gone.length];
      if (!first) break;
      gone.push(first);
      this.kept -= weight(first);
    }
    this.entries.splice(0, gone.length);
    this.base = reduceAll(
      this.base,
      gone.map((e) => e.action).filter((a) => a.type !== 'samples'),
    );
  }

  /** The recording so far, a line each. */
  lines(): string[] {
    const { offset } = this.live?.state.peek() ?? empty;
    // The clock of the server is known once measurements have come, and then also for what came before.
    const time = (at: number) => new Date(at - (Number.isNaN(offset) ? 0 : offset)).toISOString();
    const begun = time(this.entries[0]?.at ?? Date.now());
    const header: RecordingHeader = {
      format: RECORDING_FORMAT,
      version: RECORDING_VERSION,
      time: begun,
      roamcall: '',
      redacted: false,
    };
    const out = [JSON.stringify(header)];
    const write = (at: string, line: Omit<RecordingLine, 'at'>) => out.push(JSON.stringify({ at, ...line }));

    let state = this.base;
    for (const { snapshot } of state.connections.values()) write(begun, { snapshot: withoutLink(snapshot) });
    const known = [...state.connections.values()].flatMap((c) => c.events);
    for (const event of [...known, ...state.marks].sort((a, b) => a.id - b.id)) write(begun, { event });

    for (const { at, action } of this.entries) {
      const when = time(at);
      switch (action.type) {
        case 'list':
          for (const gone of ended(state, action.snapshots)) write(when, { snapshot: withoutLink(gone) });
          for (const snapshot of action.snapshots) write(when, { snapshot: withoutLink(snapshot) });
          break;
        case 'snapshot':
          write(when, { snapshot: withoutLink(action.snapshot) });
          break;
        case 'event':
          write(when, { event: action.event });
          break;
        case 'samples':
          write(when, { samples: [...action.samples] });
          break;
      }
      if (action.type !== 'samples') state = reduce(state, action);
    }
    write(time(Date.now()), { end: 'stopped' });
    return out;
  }
}

/** What a list leaves out has ended, as the store takes it. */
function ended(state: State, list: readonly ConnectionSnapshot[]): ConnectionSnapshot[] {
  const known = new Set(list.map((s) => s.id));
  return [...state.connections.values()]
    .filter((c) => !known.has(c.id) && c.snapshot.state !== 'closed')
    .map((c) => ({ ...c.snapshot, state: 'closed' }));
}

/** Who knows a link's ID can switch it, so it does not go into files. */
function withoutLink(snapshot: ConnectionSnapshot): ConnectionSnapshot {
  return snapshot.link ? { ...snapshot, link: 'lab' } : snapshot;
}
