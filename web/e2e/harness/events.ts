// The server's events as they come over /api/events, kept in order so that a test can wait for one and then look at all before it.

import type { ConnectionSnapshot, PathEventData } from '../../src/protocol/messages.gen.ts';
import { LIMIT_MS } from './wait.ts';

interface Waiter {
  match: (e: PathEventData) => boolean;
  after: number;
  resolve: (e: PathEventData) => void;
}

export class Events {
  /** All events, oldest first. */
  readonly all: PathEventData[] = [];
  /** When each arrived here, on Node's performance clock. */
  readonly arrived = new Map<number, number>();
  #waiters: Waiter[] = [];
  #stop = new AbortController();

  /** Follows the server at `origin` from its oldest event until `close`. */
  static async follow(origin: string): Promise<Events> {
    const events = new Events();
    const response = await fetch(`${origin}/api/events`, {
      headers: { accept: 'text/event-stream' },
      signal: events.#stop.signal,
    });
    if (!response.ok || !response.body) throw new Error(`/api/events answered ${response.status}`);
    void events.#read(response.body).catch(() => {
      // the server or the test ended
    });
    return events;
  }

  /** The ID of the newest event, or 0. */
  get newest(): number {
    return this.all.at(-1)?.id ?? 0;
  }

  /** The events after one ID up to another, of one connection. */
  between(connection: string, after: number, upTo: number): PathEventData[] {
    return this.all.filter((e) => e.connection === connection && e.id > after && e.id <= upTo);
  }

  /** The first event after `after` that matches: one that is here already, or the next one to come. */
  next(
    what: string,
    match: (e: PathEventData) => boolean,
    { after = 0, within = LIMIT_MS }: { after?: number; within?: number } = {},
  ): Promise<PathEventData> {
    const here = this.all.find((e) => e.id > after && match(e));
    if (here) return Promise.resolve(here);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        match,
        after,
        resolve: (e) => {
          clearTimeout(timer);
          resolve(e);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((w) => w !== waiter);
        const seen = this.all.filter((e) => e.id > after).map((e) => `${e.id} ${e.type}`);
        reject(
          new Error(
            `${what}: no such event within ${within} ms; after ${after} came: ${seen.join(', ') || 'none'}`,
          ),
        );
      }, within);
      this.#waiters.push(waiter);
    });
  }

  close(): void {
    this.#stop.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        this.#block(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  #block(block: string): void {
    const lines = block.split('\n');
    const value = (name: string) => lines.find((l) => l.startsWith(`${name}: `))?.slice(name.length + 2);
    const id = value('id');
    const data = value('data');
    if (!id || !data) return; // a snapshot, a sample or a sign of life
    const event = JSON.parse(data) as PathEventData;
    if (String(event.id) !== id || event.type !== value('event')) {
      throw new Error(`the event's head says ${id} ${value('event')}, its body ${event.id} ${event.type}`);
    }
    this.all.push(event);
    this.arrived.set(event.id, performance.now());
    for (const w of this.#waiters.filter((w) => event.id > w.after && w.match(event))) {
      this.#waiters = this.#waiters.filter((o) => o !== w);
      w.resolve(event);
    }
  }
}

/** The open connection of a participant, of which there must be exactly one. */
export async function connectionOf(origin: string, name: string): Promise<ConnectionSnapshot> {
  const all = (await (await fetch(`${origin}/api/connections`)).json()) as ConnectionSnapshot[];
  const own = all.filter((c) => c.name === name && c.state === 'open');
  const [only] = own;
  if (!only || own.length > 1) throw new Error(`${name} has ${own.length} open connections`);
  return only;
}
