// A made-up call for the tests of this folder: everything that a recording can have, in the order in which a server tells it.

import { event, handover, iso, report, sample, snapshot } from '../dashboard/fixture.ts';
import type { Action } from '../dashboard/store.ts';

export interface Told {
  at: number; // ms from the fixture's beginning of time
  action: Action;
}

/** Two connections, `changes` changes of network of the first, marks, a resumption and an end. */
export function story(changes = 3): Told[] {
  const told: Told[] = [];
  const tell = (at: number, ...actions: Action[]) => told.push(...actions.map((action) => ({ at, action })));
  tell(0, { type: 'list', snapshots: [snapshot(), snapshot({ id: 'old', name: 'Old' })] });
  const started = event('connection_started', 90, { connection: 'c2', remote: '10.1.0.3:5000' });
  const grace = snapshot({ id: 'c2', name: 'Grace', started: iso(90), last_event: started.id });
  tell(100, { type: 'event', event: started }, { type: 'snapshot', snapshot: grace });
  tell(150, { type: 'list', snapshots: [snapshot(), grace] }); // old is gone
  let at = 200;
  for (let i = 0; i < changes; i++) {
    tell(at, { type: 'event', event: event('moment_marked', at, { connection: '', text: `change ${i}` }) });
    for (let j = 0; j < 10; j++) {
      at += 200;
      tell(at, { type: 'samples', samples: [sample(at), sample(at, { connection: 'c2', send_bps: j })] });
    }
    const list = handover(at);
    for (const e of list) tell(at + 32, { type: 'event', event: e });
    tell(at + 82, {
      type: 'snapshot',
      snapshot: snapshot({ verdict: 'rebound', changes: i + 1, last_event: list.at(-1)?.id ?? 0 }),
    });
    tell(at + 90, { type: 'event', event: event('handover_report', at + 90, { report: report() }) });
    at += 100;
  }
  const resumed = event('session_resumed', at, { connection: 'c3', previous: 'c2', verdict: 'resumed' });
  tell(
    at,
    { type: 'event', event: resumed },
    { type: 'snapshot', snapshot: snapshot({ id: 'c3', name: 'Grace', last_event: resumed.id }) },
    { type: 'event', event: event('connection_closed', at, { connection: 'c2', reason: 'idle timeout' }) },
  );
  return told;
}
