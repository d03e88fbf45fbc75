// Which events the log shows.

import type { PathEventData } from '../protocol/messages.gen.ts';
import { type EventType, explain } from './explain.ts';
import type { State } from './store.ts';
import { parseTime } from './time.ts';

export interface Filter {
  type: EventType | 'all' | 'path'; // 'path': validation and switches, without the connection IDs' life
  connection: string; // '' for all
  text: string;
}

/** The newest events that pass, newest first, at most `most`. */
export function filtered(state: State, filter: Filter, most: number): PathEventData[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = state.marks.filter(
    (m) =>
      (!filter.connection || !m.connection || m.connection === filter.connection) &&
      ofType(m, filter.type) &&
      hasWords(m, words),
  );
  const from = filter.connection ? [state.connections.get(filter.connection)] : state.connections.values();
  for (const connection of from) {
    if (!connection) continue;
    // Each connection's events are in order, so its newest `most` that pass are all that can be among the newest `most` of all.
    let taken = 0;
    for (let i = connection.events.length - 1; i >= 0 && taken < most; i--) {
      const event = connection.events[i] as PathEventData;
      if (!ofType(event, filter.type) || !hasWords(event, words)) continue;
      found.push(event);
      taken++;
    }
  }
  // By time, not by ID: a server that was started again counts from 1.
  return found.sort((a, b) => timeOf(b) - timeOf(a) || b.id - a.id).slice(0, most);
}

const times = new WeakMap<PathEventData, number>();

/** Reading a time is slow beside comparing two. */
function timeOf(event: PathEventData): number {
  let time = times.get(event);
  if (time === undefined) {
    time = parseTime(event.time);
    times.set(event, time);
  }
  return time;
}

function ofType(event: PathEventData, type: Filter['type']): boolean {
  if (type === 'all') return true;
  if (type === 'path')
    return (
      event.type.startsWith('path_') || event.type === 'session_resumed' || event.type === 'handover_report'
    );
  return event.type === type;
}

function hasWords(event: PathEventData, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = `${explain(event).title} ${JSON.stringify(event)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
