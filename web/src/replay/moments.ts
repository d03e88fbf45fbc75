// The moments of a recording that somebody looks for: marks, and changes of network.

import { explain } from '../dashboard/explain.ts';
import type { PathEventData } from '../protocol/messages.gen.ts';
import type { Entry } from './parse.ts';

export interface Moment {
  at: number; // ms on the recording's clock, when it was delivered
  kind: 'mark' | 'switch';
  network: string;
  text: string;
  event: PathEventData;
}

/** More are not told apart on a screen. */
const most = 500;

export function momentsOf(entries: readonly Entry[]): Moment[] {
  const found: Moment[] = [];
  const seen = new Set<number>();
  for (const { at, action } of entries) {
    if (action.type !== 'event' || seen.has(action.event.id)) continue;
    const { event } = action;
    const mark = event.type === 'moment_marked';
    if (!mark && event.type !== 'path_switched' && event.type !== 'session_resumed') continue;
    seen.add(event.id);
    found.push({
      at,
      kind: mark ? 'mark' : 'switch',
      network: event.network ?? '',
      text: mark ? (event.text ?? '') : `${event.name ? `${event.name}: ` : ''}${explain(event).title}`,
      event,
    });
  }
  // Marks are set by people, for people: they all stay.
  const switches = found.filter((m) => m.kind === 'switch');
  if (switches.length <= most) return found;
  const kept = new Set(switches.filter((_, i) => i % Math.ceil(switches.length / most) === 0));
  return found.filter((m) => m.kind === 'mark' || kept.has(m));
}

/** The mark that was set last at a time. */
export function markAt(moments: readonly Moment[], at: number): Moment | undefined {
  return moments.findLast((m) => m.kind === 'mark' && m.at <= at);
}
