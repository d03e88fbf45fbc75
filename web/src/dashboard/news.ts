// One sentence about what just happened to a connection, for somebody who looks up from the call.

import type { PathEventData } from '../protocol/messages.gen.ts';
import { hostile } from '../ui/networks.ts';
import { summary } from './report-words.ts';
import { parseTime } from './time.ts';

export interface News {
  tone: 'calm' | 'now' | 'good' | 'warn' | 'bad';
  text: string;
  time: number;
}

/** The newest thing worth saying, from events in order. */
export function news(
  events: readonly PathEventData[],
  title: (network: string) => string,
  you: string,
): News | null {
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i] as PathEventData;
    const said = sentence(event, events.slice(0, i), title, you);
    if (said) return { ...said, time: parseTime(event.time) };
  }
  return null;
}

function place(
  network: string | undefined,
  address: string | undefined,
  title: (n: string) => string,
): string {
  return network ? title(network) : (address ?? 'a new address');
}

function whose(you: string): string {
  return you === 'You' ? 'Your' : `${you}’s`;
}

function sentence(
  event: PathEventData,
  before: readonly PathEventData[],
  title: (network: string) => string,
  you: string,
): Omit<News, 'time'> | null {
  const at = place(event.network, event.remote, title);
  switch (event.type) {
    case 'path_challenge_sent':
      return {
        tone: 'now',
        text: `Packets came from ${at}: the server asks whoever is there to prove it, with eight unpredictable bytes.`,
      };
    case 'path_response_received':
    case 'path_validated':
      return { tone: 'now', text: `The eight bytes came back from ${at}: that path is validated.` };
    case 'path_validation_failed':
      return {
        tone: 'warn',
        text: `Nobody answered at ${at}: that path is given up, the connection goes on elsewhere if it can.`,
      };
    case 'path_switched': {
      const from = event.from ? ` from ${place(event.from.network, event.from.remote, title)}` : '';
      const how =
        event.verdict === 'migrated'
          ? 'same connection, another connection ID (active migration)'
          : event.verdict === 'rebound'
            ? 'same connection, same connection ID (rebound)'
            : 'same connection';
      if (hostile(event.network)) {
        return {
          tone: 'bad',
          text: `${whose(you)} packets go through an attacker’s address, which relays them: to the server that is a NAT rebinding.`,
        };
      }
      if (hostile(event.from?.network)) {
        return {
          tone: 'good',
          text: `${whose(you)} own packets are first again: the connection is back on ${at}, without the attacker.`,
        };
      }
      // The same network before and after: nobody moved, a NAT gave out another port or address.
      if (event.network && event.from?.network === event.network) {
        return {
          tone: 'good',
          text: `${whose(you)} address changed within ${at}${event.verdict === 'rebound' ? ', as after a NAT rebinding' : ''}: ${how}.`,
        };
      }
      return { tone: 'good', text: `${you} moved${from} to ${at}: ${how}.` };
    }
    case 'session_resumed':
      return {
        tone: 'warn',
        text: `${whose(you)} connection was lost; a new one took over the call with the resume token. QUIC did not migrate.`,
      };
    case 'handover_report': {
      if (!event.report) return null;
      const change = before.findLast((e) => e.type === 'path_switched' || e.type === 'session_resumed');
      const moved = change && sentence(change, [], title, you);
      const s = summary(event.report);
      const tone = s.tone === 'bad' ? 'bad' : s.tone === 'fair' ? 'warn' : 'good';
      return { tone, text: `${moved ? `${moved.text} ` : ''}${s.headline}. ${s.detail}` };
    }
    case 'connection_started':
      return {
        tone: 'calm',
        text: `${you} connected from ${at}. Switch network and watch what happens here.`,
      };
    case 'connection_closed':
      return event.verdict === 'dropped'
        ? { tone: 'bad', text: `${whose(you)} connection was lost and nothing took over.` }
        : { tone: 'calm', text: `The connection ended${event.reason ? `: ${event.reason}` : ''}.` };
    default:
      return null;
  }
}
