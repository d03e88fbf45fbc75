// What the server says of one connection: now, and as long as the page is open.

import { type ReadonlySignal, signal } from '@preact/signals';
import { api, Refusal } from '../../api.ts';
import type { ConnectionSnapshot, PathEventData } from '../../protocol/messages.gen.ts';
import { typeWords } from '../explain.ts';
import { createLive } from '../live.ts';
import type { State } from '../store.ts';

export type Problem = { what: 'locked' } | { what: 'missing' } | { what: 'error'; message: string };

export interface Followed {
  readonly state: ReadonlySignal<State>;
  /** Null while all is well. */
  readonly problem: ReadonlySignal<Problem | null>;
  close(): void;
}

export function followConnection(id: string): Followed {
  const live = createLive();
  const problem = signal<Problem | null>(null);
  let events: EventSource | null = null;
  let closed = false;

  const load = async () => {
    try {
      const snapshot = await api<ConnectionSnapshot>(`/api/connections/${encodeURIComponent(id)}`);
      live.dispatch({ type: 'snapshot', snapshot });
      if (!closed) listen();
    } catch (error) {
      problem.value = problemOf(error);
    }
  };
  const listen = () => {
    events = new EventSource(`/api/events?connection=${encodeURIComponent(id)}`);
    const on = <T>(type: string, take: (data: T) => void) =>
      events?.addEventListener(type, (message) =>
        take(JSON.parse((message as MessageEvent<string>).data) as T),
      );
    for (const type of Object.keys(typeWords))
      on<PathEventData>(type, (event) => live.dispatch({ type: 'event', event }));
    on<ConnectionSnapshot>('snapshot', (snapshot) => live.dispatch({ type: 'snapshot', snapshot }));
  };
  void load();

  return {
    state: live.state,
    problem,
    close() {
      closed = true;
      events?.close();
    },
  };
}

function problemOf(error: unknown): Problem {
  if (error instanceof Refusal && (error.status === 401 || error.status === 403)) return { what: 'locked' };
  if (error instanceof Refusal && error.status === 404) return { what: 'missing' };
  // fetch says only "Failed to fetch" when nobody answers.
  const message = error instanceof TypeError ? 'The server does not answer.' : (error as Error).message;
  return { what: 'error', message };
}
