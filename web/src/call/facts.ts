// What is measured of somebody, as lines for their tile.

import { formatRate } from '../ui/format.ts';
import type { CallState, Remote } from './types.ts';

export interface Fact {
  name: string;
  value: string;
}

const NONE = '–';

/** All of it is measured at this receiver, but for what its sender says of codecs. */
export function facts(r: Remote, transport: CallState['transport']): Fact[] {
  const s = r.stats;
  const codec = (kind: 'audio' | 'video') => r.tracks.find((t) => t.kind === kind && !t.muted)?.codec;
  const codecs = [codec('video')?.toUpperCase(), codec('audio') === 'opus' ? 'Opus' : undefined];
  const picture = codec('video') !== undefined && s.width > 0;
  return [
    { name: 'Picture', value: picture ? `${s.width} × ${s.height}, ${Math.round(s.fps)} frames/s` : NONE },
    { name: 'Codecs', value: codecs.filter(Boolean).join(', ') || NONE },
    { name: 'Received', value: formatRate(s.bitrate) },
    { name: 'Frames lost', value: String(s.framesLost) },
    { name: 'Longest gap, last 10 s', value: picture ? `${Math.round(s.longestGapMs)} ms` : NONE },
    { name: 'Freezes', value: `${s.freezes} (${(s.frozenMs / 1000).toFixed(1)} s)` },
    { name: 'Sound made up', value: `${Math.round(s.concealedMs)} ms` },
    { name: 'Sound waits', value: codec('audio') ? `${Math.round(s.playoutMs)} ms` : NONE },
    { name: 'Picture against sound', value: lipSync(s.lipSyncMs) },
    {
      name: 'Your way to the server',
      value: transport === 'websocket' ? 'WebSocket over TCP' : 'WebTransport over QUIC',
    },
  ];
}

function lipSync(ms: number): string {
  if (!Number.isFinite(ms)) return NONE;
  const rounded = Math.round(ms);
  if (rounded === 0) return 'in step';
  return rounded > 0 ? `${rounded} ms late` : `${-rounded} ms early`;
}
