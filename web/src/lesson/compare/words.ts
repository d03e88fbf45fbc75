// The lanes in words. What happened is said with the four verdict words, and never more than was measured.

import { formatBytes, formatMs, formatRate, formatSeconds, formatShare } from '../../ui/format.ts';
import type { LabNetwork, LaneName, LaneRun, Run } from './types.ts';

export const TITLES: Record<LaneName, { title: string; how: string }> = {
  quic: {
    title: 'QUIC with connection migration',
    how: 'WebTransport. A connection has IDs, and may go on at another address.',
  },
  tcp: {
    title: 'TCP',
    how: 'The same call over a WebSocket. A connection is its two addresses and ports.',
  },
  paths: {
    title: 'Two paths at once',
    how: 'The page joins twice, over both networks, and takes the first copy of each packet. Not Multipath QUIC: the application does it.',
  },
};

export const SHORT: Record<LaneName, string> = { quic: 'QUIC', tcp: 'TCP', paths: 'Two paths' };

export const LOST_WORDS =
  'Lost is the time in which nothing new was shown: of each gap of more than three usual frame intervals, all but one usual interval.';
export const FREEZE_WORDS =
  'A freeze is a gap of at least three mean intervals, or the mean interval plus 150 ms, whichever is longer.';

export const BYTES_WORDS =
  'Bytes are those that the emulated network delivered to this page. They are not quite alike: of QUIC it is the payload of UDP, with acknowledgements and repetitions; of TCP it is the stream, without them.';

/** Whose bytes a lane counts. */
export const BYTES: Record<LaneName, string> = {
  quic: 'bytes of UDP',
  tcp: 'bytes of the stream',
  paths: 'bytes of UDP',
};

export const EMULATED =
  'This server emulates delay, jitter, rate and loss. Addresses, QUIC, TCP and what the calls do are real. TCP’s packets cannot be dropped from above TCP: for it, a loss is emulated as the least time that a repetition takes, one round trip, then 200 ms, doubled each time.';

/** A lane before it shows a picture: where its call stands, and why there is none, if it is known. */
export interface Lacking {
  lane: LaneName;
  /** In the engine's words; ''. */
  failure: string;
  /** Its sender is there, and encrypts it from end to end. */
  encrypted: boolean;
}

export const ENCRYPTED = 'The picture is encrypted from end to end, and this page has no key.';

/** Why no run can be begun yet; '' if nothing is lacking. */
export function lackingWords(lanes: readonly Lacking[]): string {
  const failed = lanes.filter((l) => l.failure).map((l) => `${SHORT[l.lane]} has failed: ${l.failure}`);
  const waiting = lanes.filter((l) => !l.failure);
  const names = waiting.map((l) => SHORT[l.lane]);
  const last = names.pop();
  const all =
    names.length > 0
      ? `${names.join(', ')} and ${last} show`
      : `${last} ${last === SHORT.paths ? 'show' : 'shows'}`;
  return [
    ...failed,
    ...(last ? [`${all} no picture yet.`] : []),
    ...(waiting.some((l) => l.encrypted) ? [ENCRYPTED] : []),
  ].join(' ');
}

/** Bytes in large letters: "337 kB", "1.2 MB". */
export function shortBytes(bytes: number): string {
  return bytes >= 1_000 && bytes < 999_500 ? `${Math.round(bytes / 1_000)} kB` : formatBytes(bytes);
}

/** One network in a line. */
export function networkWords(n: LabNetwork): string {
  const jitter = n.jitter_ms > 0 ? ` ± ${n.jitter_ms}` : '';
  const rate = n.rate_bps > 0 ? formatRate(n.rate_bps) : 'any rate';
  return `${n.title}: ${n.delay_ms}${jitter} ms one way, ${rate}, ${formatShare(n.loss)} loss`;
}

/** What happened in a lane during a run; `responseMs`: from PATH_CHALLENGE to PATH_RESPONSE, if the server said so. */
export function story(lane: LaneName, run: Run, responseMs: number): string {
  const r = run[lane];
  return [lane === 'paths' ? pathsStory(r, run) : single(lane, r, responseMs), frozen(r)].join(' ');
}

function single(lane: 'quic' | 'tcp', r: LaneRun, responseMs: number): string {
  const name = lane === 'quic' ? 'QUIC' : 'TCP';
  const asked =
    responseMs > 0
      ? `the server challenged the new address, had its answer in ${formatMs(responseMs)}`
      : 'the server validated the new address';
  switch (r.verdict) {
    case 'rebound':
      return `rebound: the same connection, under the same ID. Its address changed; ${asked} and sent on.`;
    case 'migrated':
      return `migrated: the same connection, under another ID. The client tried the new path first; ${asked} and sent on.`;
    case 'resumed': {
      const noticed = r.silence_ms > 0 ? `after ${formatMs(r.silence_ms)} of silence` : 'by silence';
      const died =
        lane === 'tcp'
          ? 'the TCP connection died with its address, and nobody was told. The page found out'
          : 'the page gave the connection up before QUIC had followed,';
      return `resumed: ${died} ${noticed}; a new ${name} connection took the participant over.`;
    }
    case 'dropped':
      return 'dropped: the call did not come back.';
    default:
      return 'The server has seen no change of this connection.';
  }
}

function pathsStory(r: LaneRun, run: Run): string {
  if (r.verdict === 'dropped') return 'dropped: the call did not come back.';
  if (r.verdict) return `One of the two connections was ${r.verdict}; the other carried on.`;
  const others = run.quic.bytes;
  const times = others > 0 ? ` (${(r.bytes / others).toFixed(1)} times the QUIC lane’s)` : '';
  return `No connection changed: the second path went on as before. Packets were sent on both, and came twice where both worked: ${formatBytes(r.bytes)} in all${times}.`;
}

function frozen(r: LaneRun): string {
  if (r.freezes === 0) return `No freeze; the longest gap was ${formatMs(r.longest_gap_ms)}.`;
  const times = r.freezes === 1 ? 'once' : `${r.freezes} times`;
  return `The picture froze ${times}, for ${formatSeconds(r.frozen_ms)} in all.`;
}
