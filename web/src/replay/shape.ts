// Whether a value out of a file has what the dashboard will look for. A file is the one thing that the dashboard draws which no server of ours has just made.

import type { ConnectionSample, ConnectionSnapshot, PathEventData } from '../protocol/messages.gen.ts';

export type Unknown = Record<string, unknown>;

type Check = (value: unknown) => boolean;

const text: Check = (v) => typeof v === 'string';
const number: Check = (v) => Number.isFinite(v); // JSON can say 1e999, which is Infinity
const flag: Check = (v) => typeof v === 'boolean';
const time: Check = (v) => typeof v === 'string' && Number.isFinite(Date.parse(v));
const maybe =
  (check: Check): Check =>
  (v) =>
    v === undefined || v === null || check(v);
/** More than any connection of a server has, and few enough to be drawn. */
const longest = 1000;
const list =
  (check: Check): Check =>
  (v) =>
    Array.isArray(v) && v.length <= longest && v.every(check);
const oneOf =
  (...values: string[]): Check =>
  (v) =>
    values.includes(v as string);
const object = (members: Record<string, Check>): Check => {
  const all = Object.entries(members);
  return (v) =>
    typeof v === 'object' &&
    v !== null &&
    !Array.isArray(v) &&
    all.every(([name, check]) => check((v as Unknown)[name]));
};

const verdict = oneOf('migrated', 'rebound', 'resumed', 'dropped', '');

const endpoint = object({ path: number, local: text, remote: text, network: maybe(text) });
const connectionID = object({ id: text, sequence: number, issuer: text, state: text });
const phases = object({ silence_ms: number, handshake_ms: number, first_frame_ms: number });
const direction = object({
  measured: flag,
  longest_gap_ms: number,
  frame_ms: number,
  usual_gap_ms: number,
  frozen: flag,
  concealed_ms: number,
  frames_lost: number,
  receivers: number,
  at_arrival: flag,
});
const report = object({
  verdict,
  from: endpoint,
  to: endpoint,
  started: time,
  switched: time,
  response_ms: number,
  phases: maybe(phases),
  down: direction,
  up: direction,
  missing: maybe(list(text)),
});
const metrics = object(
  Object.fromEntries(
    [
      'rtt_ms',
      'min_rtt_ms',
      'latest_rtt_ms',
      'rtt_var_ms',
      'congestion_window',
      'bytes_sent',
      'bytes_received',
      'packets_sent',
      'packets_received',
      'packets_lost',
    ].map((name) => [name, number]),
  ),
);
const path = object({
  id: number,
  state: text,
  local: text,
  remote: text,
  network: maybe(text),
  since: time,
  challenge: maybe(text),
  attempts: maybe(number),
  response_ms: maybe(number),
});

const event = object({
  id: number,
  time,
  type: text,
  connection: text,
  transport: maybe(text),
  participant: maybe(text),
  name: maybe(text),
  room: maybe(text),
  path: number,
  local: maybe(text),
  remote: maybe(text),
  network: maybe(text),
  challenge: maybe(text),
  attempt: maybe(number),
  response_ms: maybe(number),
  connection_id: maybe(connectionID),
  verdict: maybe(verdict),
  from: maybe(endpoint),
  previous: maybe(text),
  phases: maybe(phases),
  report: maybe(report),
  reason: maybe(text),
  text: maybe(text),
});

const snapshot = object({
  id: text,
  participant: maybe(text),
  name: maybe(text),
  room: maybe(text),
  state: text,
  started: time,
  closed: maybe(time),
  transport: text,
  link: maybe(text),
  connection_ids: maybe(list(connectionID)),
  paths: maybe(list(path)),
  metrics,
  verdict: maybe(verdict),
  changes: number,
  report: maybe(report),
  qlog: flag,
  last_event: number,
});

const sample = object({
  time,
  connection: text,
  path: number,
  metrics,
  send_bps: number,
  recv_bps: number,
  loss_down: number,
  loss_up: number,
  frame_down_ms: number,
  frame_up_ms: number,
  concealed_down_ms: number,
  concealed_up_ms: number,
  playout_ms: number,
  freezes: number,
});

export const isEvent = (v: unknown): v is PathEventData => event(v);
export const isSnapshot = (v: unknown): v is ConnectionSnapshot => snapshot(v);
export const isSample = (v: unknown): v is ConnectionSample => sample(v);
