// The experiment that a browser cannot do: the server lets a native client migrate, and tells what it saw of that client's connection.

import { type ReadonlySignal, signal } from '@preact/signals';
import { api } from '../../api.ts';
import { createLive, type Live } from '../../dashboard/live.ts';
import type { ConnectionSnapshot, PathEventData } from '../../protocol/messages.gen.ts';

/** What POST /api/lesson/migration answers. */
interface Migration {
  snapshot: ConnectionSnapshot;
  events: PathEventData[];
}

export interface Experiment {
  readonly running: ReadonlySignal<boolean>;
  /** Why the last one failed, for people; ''. */
  readonly problem: ReadonlySignal<string>;
  /** The connection of the last one that worked; ''. */
  readonly connection: ReadonlySignal<string>;
  readonly live: Live;
  run(): void;
}

export function createExperiment(): Experiment {
  const live = createLive();
  const running = signal(false);
  const problem = signal('');
  const connection = signal('');
  const run = async () => {
    if (running.peek()) return;
    running.value = true;
    problem.value = '';
    try {
      const { snapshot, events } = await api<Migration>('/api/lesson/migration', { method: 'POST' });
      live.dispatch({ type: 'list', snapshots: [snapshot] });
      for (const event of events) live.dispatch({ type: 'event', event });
      connection.value = snapshot.id;
    } catch (error) {
      problem.value = error instanceof Error ? error.message : 'The server cannot be reached.';
    }
    running.value = false;
  };
  return { running, problem, connection, live, run: () => void run() };
}
