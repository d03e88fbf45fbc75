// What the server says of one connection: now, and as long as the page is open.

import { type ReadonlySignal, signal } from '@preact/signals';
import { api, Refusal } from '../../api.ts';
import type { ConnectionSnapshot, PathEventData } from '../../protocol/messages.gen.ts';
import { toast } from '../../ui/toast.tsx';
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

/** After a stream that the server refused, ms. */
const retryMs = 2000;

export function followConnection(id: string): Followed {
  const live = createLive();
  const problem = signal<Problem | null>(null);
  let events: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const load = async () => {
    try {
      const snapshot = await api<ConnectionSnapshot>(`/api/connections/${encodeURIComponent(id)}`);
      live.dispatch({ type: 'snapshot', snapshot });
      if (!closed) listen();
    } catch (error) {
      if (!closed) tell(problemOf(error));
    }
  };
  // A report that is shown already stays: it may be about to be printed.
  const tell = (p: Problem) => {
    if (live.state.peek().connections.get(id)?.snapshot.report)
      toast(`This report is not kept up to date any more. ${words(p)}`, 'warning', 10_000);
    else problem.value = p;
  };
  const listen = () => {
    events = new EventSource(`/api/events?connection=${encodeURIComponent(id)}`);
    events.onerror = () => {
      // CLOSED: it was refused, and to ask again tells why. Otherwise the browser tries again by itself.
      if (events?.readyState === EventSource.CLOSED && !closed) retry = setTimeout(load, retryMs);
    };
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
      clearTimeout(retry);
      events?.close();
    },
  };
}

function words(problem: Problem): string {
  switch (problem.what) {
    case 'locked':
      return 'The server wants the operator’s key again: load this page anew to give it.';
    case 'missing':
      return 'The server does not know the connection any more.';
    case 'error':
      return problem.message;
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Refusal && (error.status === 401 || error.status === 403)) return { what: 'locked' };
  if (error instanceof Refusal && error.status === 404) return { what: 'missing' };
  // fetch says only "Failed to fetch" when nobody answers.
  const message = error instanceof TypeError ? 'The server does not answer.' : (error as Error).message;
  return { what: 'error', message };
}
