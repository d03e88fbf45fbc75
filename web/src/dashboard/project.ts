import type {
  ConnectionIDInfo,
  ConnectionSnapshot,
  PathEventData,
  PathInfo,
} from '../protocol/messages.gen.ts';

import type { EventType } from './explain.ts';

/** A connection of which only an event is known yet: everything that the event does not say is left empty. */
export function snapshotOf(event: PathEventData): ConnectionSnapshot {
  return {
    id: event.connection,
    ...(event.participant !== undefined && { participant: event.participant }),
    ...(event.name !== undefined && { name: event.name }),
    ...(event.room !== undefined && { room: event.room }),
    state: 'open',
    started: event.time,
    transport: 'webtransport',
    connection_ids: [],
    paths: [],
    metrics: {
      rtt_ms: 0,
      min_rtt_ms: 0,
      latest_rtt_ms: 0,
      rtt_var_ms: 0,
      congestion_window: 0,
      bytes_sent: 0,
      bytes_received: 0,
      packets_sent: 0,
      packets_received: 0,
      packets_lost: 0,
    },
    changes: 0,
    qlog: false,
    last_event: 0,
  };
}

/**
 * The snapshot as the event leaves it. It only repeats what the event says, so that the screen need not wait for the next snapshot, which
 * then replaces it: the server's state machine stays the one that decides.
 */
export function project(snapshot: ConnectionSnapshot, event: PathEventData): ConnectionSnapshot {
  if (event.id <= snapshot.last_event) return snapshot;
  const next: ConnectionSnapshot = { ...snapshot, last_event: event.id };
  if (event.participant) next.participant = event.participant;
  if (event.name) next.name = event.name;
  if (event.room) next.room = event.room;
  switch (event.type as EventType) {
    case 'connection_started':
      next.started = event.time;
      if (event.remote) next.paths = withPath(next.paths, event, { state: 'active' });
      break;
    case 'connection_id_issued':
    case 'connection_id_in_use':
    case 'connection_id_retired':
      if (event.connection_id) next.connection_ids = withID(next.connection_ids, event.connection_id);
      break;
    case 'path_challenge_sent':
      next.paths = withPath(next.paths, event, {
        // A path that is in use stays in use while it is challenged again.
        state: stateOf(next.paths, event.path, 'probing', ['active', 'validated']),
        ...(event.challenge !== undefined && { challenge: event.challenge }),
        ...(event.attempt !== undefined && { attempts: event.attempt }),
      });
      break;
    case 'path_response_received':
      next.paths = withPath(next.paths, event, {
        ...(event.response_ms !== undefined && { response_ms: event.response_ms }),
      });
      break;
    case 'path_validated':
      next.paths = withPath(next.paths, event, {
        state: stateOf(next.paths, event.path, 'validated', ['active']),
        ...(event.response_ms !== undefined && { response_ms: event.response_ms }),
      });
      break;
    case 'path_validation_failed':
      next.paths = withPath(next.paths, event, { state: 'failed' });
      break;
    case 'path_switched':
      next.paths = withPath(
        next.paths.map((p) =>
          p.state === 'active' && p.id !== event.path ? { ...p, state: 'retired', since: event.time } : p,
        ),
        event,
        { state: 'active' },
      );
      if (event.verdict) next.verdict = event.verdict;
      next.changes = snapshot.changes + 1;
      break;
    case 'session_resumed':
      next.verdict = event.verdict ?? 'resumed';
      next.changes = snapshot.changes + 1;
      break;
    case 'handover_report':
      if (event.report) {
        next.report = event.report;
        next.verdict = event.report.verdict;
      }
      break;
    case 'connection_closed':
      next.state = 'closed';
      next.closed = event.time;
      if (event.verdict) next.verdict = event.verdict;
      break;
  }
  return next;
}

function stateOf(paths: PathInfo[], id: number, wanted: string, keep: string[]): string {
  const now = paths.find((p) => p.id === id)?.state;
  return now !== undefined && keep.includes(now) ? now : wanted;
}

function withPath(paths: PathInfo[], event: PathEventData, change: Partial<PathInfo>): PathInfo[] {
  const old = paths.find((p) => p.id === event.path);
  const known: PathInfo = old ?? {
    id: event.path,
    state: 'probing',
    local: event.local ?? '',
    remote: event.remote ?? '',
    since: event.time,
  };
  const next: PathInfo = { ...known, ...change };
  if (next.state !== known.state || !old) next.since = event.time;
  if (event.local) next.local = event.local;
  if (event.remote) next.remote = event.remote;
  if (event.network) next.network = event.network;
  return old ? paths.map((p) => (p === old ? next : p)) : [...paths, next];
}

function withID(ids: ConnectionIDInfo[], id: ConnectionIDInfo): ConnectionIDInfo[] {
  const same = (other: ConnectionIDInfo) => other.issuer === id.issuer && other.sequence === id.sequence;
  return ids.some(same) ? ids.map((other) => (same(other) ? id : other)) : [...ids, id];
}
