// One change of network, from the press of the button to the report that closes it.

import type { SwitchStyle } from '../../src/call/types.ts';
import type { HandoverReport, PathEventData } from '../../src/protocol/messages.gen.ts';
import type { Person } from './person.ts';
import type { Server } from './server.ts';
import { until } from './wait.ts';

export interface Handover {
  style: SwitchStyle;
  from: string;
  to: string;
  /** The events of the connection since the button was pressed, the report last. */
  story: PathEventData[];
  report: HandoverReport;
}

/** Presses the button and waits for the report of the change on this connection. */
export async function changeNetwork(
  server: Server,
  person: Person,
  connection: string,
  to: string,
  style: SwitchStyle,
): Promise<Handover> {
  const { events } = server;
  const from = await until(
    `${person.name} has a network`,
    () => person.activeNetwork(),
    (n) => n !== null,
  );
  const after = events.newest;
  await person.switchNetwork(to, style);
  const last = await events.next(
    `${person.name}'s ${style} change to ${to} is reported`,
    (e) => e.connection === connection && e.type === 'handover_report',
    { after, within: 20_000 },
  );
  if (!last.report) throw new Error(`event ${last.id} is a handover_report without its report`);
  return {
    style,
    from: from ?? '',
    to,
    story: events.between(connection, after, last.id),
    report: last.report,
  };
}

/** The other one of the lab's two networks. */
export function otherNetwork(network: string | null): string {
  return network === 'wifi' ? 'cellular' : 'wifi';
}
