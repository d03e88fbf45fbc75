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

/** Of each kind; more are not told apart on a screen. */
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
  const kept = new Set([...some(found, 'mark'), ...some(found, 'switch')]);
  return found.filter((m) => kept.has(m));
}

/** Those of a kind, or as many of them at even distances as there may be. */
function some(moments: readonly Moment[], kind: Moment['kind']): Moment[] {
  const all = moments.filter((m) => m.kind === kind);
  const every = Math.ceil(all.length / most);
  return all.filter((_, i) => i % every === 0);
}

/** The mark that was set last at a time. */
export function markAt(moments: readonly Moment[], at: number): Moment | undefined {
  return moments.findLast((m) => m.kind === 'mark' && m.at <= at);
}
