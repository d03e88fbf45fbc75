// The operator's view: all connections, from GET /api/connections and the Server-Sent Events of /api/events.

import { type ReadonlySignal, signal } from '@preact/signals';
import type { ConnectionSample, ConnectionSnapshot, PathEventData } from '../protocol/messages.gen.ts';
import { typeWords } from './explain.ts';
import type { Live } from './live.ts';

export type Feed =
  | { state: 'connecting' }
  /** Events arrive; `since` and `heard` are Date.now(). */
  | { state: 'live'; heard: number }
  /** The stream broke; what is on the screen is what was known at `heard`. */
  | { state: 'reconnecting'; heard: number; reason: string }
  /** The server wants the operator's key. */
  | { state: 'locked'; wrong: boolean }
  /** There is no server: what happened before is shown again. `begun` is when, on the clock of the server that it was recorded by. */
  | { state: 'recorded'; begun: number; redacted: boolean };

export interface Source {
  readonly feed: ReadonlySignal<Feed>;
  /** Gives the operator's key; the answer shows in `feed`. */
  unlock(key: string): Promise<void>;
  close(): void;
}

const firstRetryMs = 500;
const lastRetryMs = 5000;

/** Feeds `live` until it is closed. */
export function openSource(live: Live, key: string | null): Source {
  const feed = signal<Feed>({ state: 'connecting' });
  let stream: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let delay = firstRetryMs;
  let closed = false;
  let heard = Date.now();
  let marked = 0;

  // The mark says when something was last heard, but it need not be redrawn for each message.
  const hear = () => {
    heard = Date.now();
    if (feed.peek().state === 'live' && heard - marked < 500) return;
    marked = heard;
    feed.value = { state: 'live', heard };
  };

  const again = (reason: string) => {
    stream?.close();
    stream = null;
    if (closed) return;
    feed.value = { state: 'reconnecting', heard, reason };
    clearTimeout(retry);
    retry = setTimeout(start, delay);
    delay = Math.min(delay * 2, lastRetryMs);
  };

  /** All that there is now. Reports false if the server wants a key. */
  const load = async (): Promise<boolean> => {
    const response = await fetch('/api/connections', { headers: { accept: 'application/json' } });
    if (response.status === 401 || response.status === 403) return false;
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    live.dispatch({ type: 'list', snapshots: (await response.json()) as ConnectionSnapshot[] });
    return true;
  };

  const lock = () => {
    stream?.close();
    stream = null;
    feed.value = { state: 'locked', wrong: false };
  };

  const start = async () => {
    try {
      if (!(await load())) return lock();
      if (!closed) listen();
    } catch (error) {
      again(error instanceof Error ? error.message : String(error));
    }
  };

  const listen = () => {
    const events = new EventSource('/api/events');
    stream = events;
    let opened = false;
    events.onopen = () => {
      delay = firstRetryMs;
      hear();
      // Between the list and the stream, or while the stream was away, something may have happened that no event tells of.
      void load().then(
        (allowed) => allowed || lock(),
        () => undefined, // the stream is what counts; it says so itself when it breaks
      );
      opened = true;
    };
    events.onerror = () => {
      // CONNECTING: the browser tries again by itself, with the Last-Event-ID. CLOSED: it was refused, and the list tells why.
      if (events.readyState === EventSource.CLOSED)
        again(opened ? 'the stream ended' : 'no stream of events');
      else feed.value = { state: 'reconnecting', heard, reason: 'the stream broke' };
    };
    const on = <T>(type: string, take: (data: T) => void) =>
      events.addEventListener(type, (message) => {
        hear();
        take(JSON.parse((message as MessageEvent<string>).data) as T);
      });
    for (const type of Object.keys(typeWords)) {
      on<PathEventData>(type, (event) => live.dispatch({ type: 'event', event }));
    }
    on<ConnectionSnapshot>('snapshot', (snapshot) => live.dispatch({ type: 'snapshot', snapshot }));
    on<ConnectionSample[]>('samples', (samples) =>
      live.dispatch({ type: 'samples', samples, received: Date.now() }),
    );
  };

  const unlock = async (given: string) => {
    try {
      const response = await fetch('/api/operator', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key: given }),
      });
      if (response.ok) {
        feed.value = { state: 'connecting' };
        return start();
      }
      feed.value = { state: 'locked', wrong: true };
    } catch (error) {
      again(error instanceof Error ? error.message : String(error));
    }
  };

  void (key ? unlock(key) : start());

  return {
    feed,
    unlock,
    close() {
      closed = true;
      clearTimeout(retry);
      stream?.close();
    },
  };
}

/** The operator's key out of ?key=… or #key=…, and the address without it: it must not stay in the bar, the history or a screenshot. */
export function takeKey(address: string): { key: string | null; address: string } {
  const url = new URL(address);
  const hash = new URLSearchParams(url.hash.slice(1));
  const key = url.searchParams.get('key') ?? hash.get('key');
  if (key === null) return { key: null, address };
  url.searchParams.delete('key');
  if (hash.has('key')) {
    hash.delete('key');
    url.hash = hash.toString();
  }
  return { key: key || null, address: url.toString() };
}
