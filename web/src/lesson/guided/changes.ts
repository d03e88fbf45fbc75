// A change of path as the server told it, taken together: what was sent where, what came back, and which connection ID the client's packets carry.

import type { ConnectionIDInfo, PathEventData } from '../../protocol/messages.gen.ts';

export interface Change {
  switched: PathEventData;
  /** The challenge that was answered, or else the last one that was sent on the path; undefined if none was seen. */
  challenge: PathEventData | undefined;
  response: PathEventData | undefined;
  /** Destination of the client's packets; undefined if it was not seen. */
  before: ConnectionIDInfo | undefined;
  after: ConnectionIDInfo | undefined;
}

/** The newest change among the events of one connection, which are in order. */
export function lastChange(events: readonly PathEventData[]): Change | null {
  const at = events.findLastIndex((e) => e.type === 'path_switched');
  const switched = events[at];
  if (!switched) return null;
  const earlier = events.slice(0, at);
  const onPath = earlier.filter((e) => e.path === switched.path);
  const response = onPath.findLast((e) => e.type === 'path_response_received');
  const challenges = onPath.filter((e) => e.type === 'path_challenge_sent');
  return {
    switched,
    response,
    challenge: challenges.findLast((e) => e.challenge === response?.challenge) ?? challenges.at(-1),
    before:
      earlier.findLast((e) => e.type === 'path_switched')?.connection_id ??
      earlier.find((e) => e.type === 'connection_id_in_use' && e.connection_id?.issuer === 'server')
        ?.connection_id,
    after: switched.connection_id,
  };
}

/** The destination connection ID of the client's packets now; undefined if it was not seen. */
export function destination(events: readonly PathEventData[]): ConnectionIDInfo | undefined {
  const change = lastChange(events);
  if (change) return change.after;
  return events.find((e) => e.type === 'connection_id_in_use' && e.connection_id?.issuer === 'server')
    ?.connection_id;
}

/** Eight bytes in hex, two digits at a time. */
export function bytes(hex: string): string {
  return hex.match(/../g)?.join(' ') ?? '';
}
