// Everybody's runs as a file: a line for each lane of each run. Pure.

import { LANES, type LaneName, type Run } from './types.ts';

export const COLUMNS = [
  'time',
  'seat',
  'style',
  'lane',
  'longest_gap_ms',
  'freezes',
  'frozen_ms',
  'lost_ms',
  'concealed_ms',
  'bytes',
  'verdict',
  'silence_ms',
  'stood_ms',
  'bytes_of',
] as const;

/** What the bytes of a lane are: those of UDP have QUIC's headers, acknowledgements and repetitions among them, those of the stream have not TCP's. */
const BYTES_OF: Record<LaneName, string> = { quic: 'udp_payload', tcp: 'tcp_stream', paths: 'udp_payload' };

/** RFC 4180, with a line of names. There is nothing in a run that would need quotes. */
export function csv(runs: readonly Run[]): string {
  const lines = runs.flatMap(({ id: _, time, seat, style, stood_ms, ...lanes }) =>
    LANES.map((lane) => {
      const values = { time, seat, style, lane, stood_ms, bytes_of: BYTES_OF[lane], ...lanes[lane] };
      return COLUMNS.map((c) => values[c]).join(',');
    }),
  );
  return [COLUMNS.join(','), ...lines, ''].join('\r\n');
}
