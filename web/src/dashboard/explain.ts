// What each event means, for people who do not know QUIC and for those who do. It says what the server knows and no more.

import type { PathEventData, PathEventType, Verdict } from '../protocol/messages.gen.ts';
import { msText } from './time.ts';

/** The types that there are; a use of an ID is told since the list was made. */
export type EventType = PathEventType | 'connection_id_in_use';

export interface Source {
  rfc: number;
  section: string;
  about: string;
}

export interface Explanation {
  /** A few words, for rows, marks and tooltips. */
  title: string;
  /** One or two sentences. */
  meaning: string;
  sources: Source[];
}

export const s9000 = (section: string, about: string): Source => ({ rfc: 9000, section, about });

export function sourceText(source: Source): string {
  return `RFC ${source.rfc} §${source.section}`;
}

export function sourceURL(source: Source): string {
  return `https://www.rfc-editor.org/rfc/rfc${source.rfc}#section-${source.section}`;
}

/** The type in words, for filters. */
export const typeWords: Record<EventType, string> = {
  connection_started: 'Connection started',
  connection_id_issued: 'Connection ID issued',
  connection_id_in_use: 'Connection ID in use',
  connection_id_retired: 'Connection ID retired',
  path_challenge_sent: 'PATH_CHALLENGE sent',
  path_response_received: 'PATH_RESPONSE received',
  path_validated: 'Path validated',
  path_validation_failed: 'Path validation failed',
  path_switched: 'Path switched',
  session_resumed: 'Session resumed',
  handover_report: 'Handover report',
  connection_closed: 'Connection closed',
  moment_marked: 'Moment marked',
};

export const verdictWords: Record<Verdict, { short: string; meaning: string; sources: Source[] }> = {
  migrated: {
    short: 'active connection migration',
    meaning:
      'Active connection migration: the client probed a new path and switched to it. The server validated the new address, and the client now writes another destination connection ID, so that an observer of both networks cannot link the two addresses by it.',
    sources: [s9000('9.2', 'initiating connection migration'), s9000('9.5', 'privacy')],
  },
  rebound: {
    short: 'same connection ID, new address',
    meaning:
      'The address changed but the client kept using the same connection ID, as after a NAT rebinding. The server challenged the new address, got the eight bytes back and moved.',
    sources: [s9000('9.3', 'responding to connection migration'), s9000('8.2', 'path validation')],
  },
  resumed: {
    short: 'new connection, same participant',
    meaning:
      'The QUIC connection was lost or stalled; a new one, with a handshake of its own, took over the same participant with its resume token. This is done by the call, not by QUIC: it is not a connection migration.',
    sources: [],
  },
  dropped: {
    short: 'the call was lost',
    meaning: 'The connection ended and no other took the participant over: it has to join again.',
    sources: [s9000('10.1', 'idle timeout')],
  },
};

/** A name for the one who is on the other end. */
export function who(event: { name?: string; participant?: string }): string {
  return event.name || event.participant || 'the client';
}

const shortID = (hex: string) => (hex === '' ? 'empty' : hex.length > 16 ? `${hex.slice(0, 14)}…` : hex);

export function explain(event: PathEventData): Explanation {
  const at = event.remote ?? 'the address';
  switch (event.type as EventType) {
    case 'connection_started':
      if (event.transport === 'websocket') {
        return {
          title: `TCP connection started from ${at}`,
          meaning:
            'A WebSocket over TCP carries this participant, because UDP did not pass or the browser has no WebTransport. TCP names the connection by its addresses and ports, so it cannot survive a change of address; the name shown here was made up by the server.',
          sources: [],
        };
      }
      return {
        title: `Connection started from ${at}`,
        meaning:
          'A QUIC handshake began. The connection is named here by its original destination connection ID, the one that the client chose for its first packet; that name stays the same whatever the addresses become.',
        sources: [s9000('7.2', 'negotiating connection IDs'), s9000('5.1', 'connection ID')],
      };
    case 'connection_id_issued':
      return issued(event);
    case 'connection_id_in_use':
      return inUse(event);
    case 'connection_id_retired':
      return retired(event);
    case 'path_challenge_sent':
      return {
        title: `PATH_CHALLENGE ${event.attempt && event.attempt > 1 ? `no. ${event.attempt} ` : ''}to ${at}`,
        meaning:
          'A valid packet of this connection came from an address that the server has not validated. It sends eight unpredictable bytes there: only somebody who receives at that address can send them back.',
        sources: [s9000('8.2.1', 'initiating path validation'), s9000('19.17', 'PATH_CHALLENGE frame')],
      };
    case 'path_response_received':
      return {
        title: `PATH_RESPONSE from ${at}${event.response_ms ? ` after ${msText(event.response_ms)}` : ''}`,
        meaning:
          'A PATH_RESPONSE frame brought back the eight bytes of a challenge. The time counts from the sending of the challenge: about one round trip on the new path.',
        sources: [s9000('8.2.2', 'path validation responses'), s9000('19.18', 'PATH_RESPONSE frame')],
      };
    case 'path_validated':
      return {
        title: `Path to ${at} validated`,
        meaning:
          'The bytes that came back are those of a challenge sent on this path: the peer receives at this address. The server may now move there, and does so once the highest-numbered non-probing packet comes from it.',
        sources: [
          s9000('8.2.3', 'successful path validation'),
          s9000('9.3', 'responding to connection migration'),
        ],
      };
    case 'path_validation_failed':
      return {
        title: `Validation of ${at} failed${event.reason ? `: ${event.reason}` : ''}`,
        meaning:
          'No matching response came in time (three probe timeouts: the larger of the current one and that of a new path), so this path is given up. That says nothing about the connection, which goes on over any other path that it has.',
        sources: [s9000('8.2.4', 'failed path validation')],
      };
    case 'path_switched':
      return switched(event);
    case 'session_resumed':
      return {
        title: `${who(event)} resumed on a new connection`,
        meaning: verdictWords.resumed.meaning,
        sources: verdictWords.resumed.sources,
      };
    case 'handover_report':
      return {
        title: `Handover report${event.report ? `: ${event.report.verdict}` : ''}`,
        meaning:
          'The change is over. What the server saw is joined here with what the receivers measured themselves: the longest gap between rendered video frames, and the audio that had to be concealed.',
        sources: [],
      };
    case 'connection_closed':
      if (event.transport === 'websocket' && event.verdict !== 'dropped') {
        return {
          title: `TCP connection closed${event.reason ? `: ${event.reason}` : ''}`,
          meaning: 'The connection ended, by a close from either side or because nothing was heard any more.',
          sources: [],
        };
      }
      return {
        title: `Connection closed${event.reason ? `: ${event.reason}` : ''}`,
        meaning:
          event.verdict === 'dropped'
            ? verdictWords.dropped.meaning
            : 'The connection ended, by a close from either side or because nothing was heard for the idle timeout. Its connection IDs mean nothing any more.',
        sources: [s9000('10', 'connection termination')],
      };
    case 'moment_marked':
      return {
        title: `Marked: ${event.text ?? ''}`,
        meaning:
          'Somebody at a dashboard marked this moment, so that it is found again. It is their note: nothing that the server measured.',
        sources: [],
      };
  }
  // A type that a newer server added.
  return { title: String((event as PathEventData).type).replaceAll('_', ' '), meaning: '', sources: [] };
}

function issued(event: PathEventData): Explanation {
  const id = event.connection_id;
  const sources = [s9000('5.1.1', 'issuing connection IDs'), s9000('19.15', 'NEW_CONNECTION_ID frame')];
  if (!id) return { title: typeWords.connection_id_issued, meaning: '', sources };
  if (id.issuer === 'client' && id.id === '') {
    return {
      title: 'The client uses a zero-length connection ID',
      meaning:
        'The client chose an empty connection ID for itself (Chromium does), so the packets that the server sends carry none: they find the client by its address and port alone.',
      sources: [s9000('5.1', 'connection ID')],
    };
  }
  return id.issuer === 'server'
    ? {
        title: `Server issued connection ID ${shortID(id.id)} (sequence ${id.sequence})`,
        meaning:
          'The client may write this destination connection ID on the packets that it sends. Unused ones are kept ready so that it can change ID when it changes network.',
        sources,
      }
    : {
        title: `Client issued connection ID ${shortID(id.id)} (sequence ${id.sequence})`,
        meaning:
          'The server may write this destination connection ID on the packets that it sends to the client, for example a fresh one on each new path.',
        sources,
      };
}

function inUse(event: PathEventData): Explanation {
  const id = event.connection_id;
  const server = id?.issuer !== 'client';
  return {
    title: `Packets ${server ? 'to the server' : 'to the client'} carry connection ID ${id ? shortID(id.id) : ''}${id ? ` (sequence ${id.sequence})` : ''}`,
    meaning:
      id?.id === ''
        ? 'Packets to this client carry no connection ID, as it chose: its address and port are all that leads to it.'
        : `The first packet was seen that carries it as destination connection ID: ${server ? 'the client writes it on what it sends' : 'the server writes it on what it sends'}.`,
    sources: [s9000('5.1', 'connection ID')],
  };
}

function retired(event: PathEventData): Explanation {
  const id = event.connection_id;
  const writer = id?.issuer === 'client' ? 'The server' : 'The client';
  return {
    title: id
      ? `Connection ID ${shortID(id.id)} (${id.issuer}, sequence ${id.sequence}) retired`
      : typeWords.connection_id_retired,
    meaning: `${writer} will not write this destination connection ID on its packets again; the side that issued it can forget it and issue another.`,
    sources: [
      s9000('5.1.2', 'consuming and retiring connection IDs'),
      s9000('19.16', 'RETIRE_CONNECTION_ID frame'),
    ],
  };
}

function switched(event: PathEventData): Explanation {
  const verdict = event.verdict ? verdictWords[event.verdict] : undefined;
  const to = event.remote ?? 'the new address';
  return {
    title: `Server now sends to ${to}${event.verdict ? `: ${event.verdict}` : ''}`,
    meaning: `${verdict?.meaning ?? 'The server sends to the new address from now on.'} The server’s congestion control and its round-trip estimate start afresh on the new path.`,
    sources: [
      ...(verdict?.sources ?? [s9000('9.3', 'responding to connection migration')]),
      s9000('9.4', 'loss detection and congestion control'),
    ],
  };
}
