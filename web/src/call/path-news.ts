// What the server tells of this participant's own connection, kept until somebody listens: the panel is loaded after the call has begun, and has the whole
// story whenever it is opened.

import type { FromServer } from '../protocol/messages.gen.ts';
import type { PathListener } from './types.ts';

export type PathMessage = Extract<FromServer, { type: 'path_snapshot' | 'path_event' | 'path_sample' }>;

const KEPT = 1_000; // the oldest go

export class PathNews {
  readonly #listeners = new Set<PathListener>();
  #kept: PathMessage[] = [];

  /** Tells `listener` from now on; with `before`, which one listener asks for, at first what came so far. */
  listen(listener: PathListener, before = false): () => void {
    this.#listeners.add(listener);
    if (before) for (const m of this.#kept.splice(0)) tell(listener, m);
    return () => this.#listeners.delete(listener);
  }

  tell(m: PathMessage): void {
    for (const l of this.#listeners) tell(l, m);
    this.#kept.push(m);
    if (this.#kept.length > KEPT) this.#kept.shift();
  }
}

function tell(listener: PathListener, m: PathMessage): void {
  switch (m.type) {
    case 'path_snapshot':
      listener.snapshot(m.snapshot);
      break;
    case 'path_event':
      listener.event(m.event);
      break;
    case 'path_sample':
      listener.sample(m.sample);
      break;
  }
}
