// Connections, events and samples for the tests of this folder.

import type {
  ConnectionSample,
  ConnectionSnapshot,
  HandoverDirection,
  HandoverReport,
  PathEventData,
  PathEventType,
} from '../protocol/messages.gen.ts';

/** The tests' beginning of time; `at` counts milliseconds from it. */
export const origin = Date.parse('2026-11-23T12:00:00Z');

export function iso(at: number): string {
  const ms = Math.floor(at);
  const nanos = Math.round((at - ms) * 1e6);
  return new Date(origin + ms).toISOString().replace('Z', `${String(nanos).padStart(6, '0')}Z`);
}

let next = 1;

export function event(type: PathEventType, at: number, more: Partial<PathEventData> = {}): PathEventData {
  return { id: next++, time: iso(at), type, connection: 'c1', path: 0, ...more };
}

export const wifi = { path: 0, local: '10.0.0.1:4433', remote: '10.1.0.2:5000', network: 'wifi' };
export const cellular = { path: 1, local: '10.0.0.1:4433', remote: '10.2.0.2:6000', network: 'cellular' };

/** A rebinding from Wi-Fi to cellular: challenge at `at`, response 31.4 ms later. */
export function handover(at: number): PathEventData[] {
  const challenge = '0123456789abcdef';
  return [
    event('path_challenge_sent', at, { ...cellular, challenge, attempt: 1 }),
    event('path_response_received', at + 31.4, { ...cellular, challenge, response_ms: 31.4 }),
    event('path_validated', at + 31.42, { ...cellular, response_ms: 31.4 }),
    event('path_switched', at + 31.8, { ...cellular, verdict: 'rebound', from: wifi }),
  ];
}

export function snapshot(more: Partial<ConnectionSnapshot> = {}): ConnectionSnapshot {
  return {
    id: 'c1',
    participant: 'p1',
    name: 'Ada',
    room: 'demo',
    state: 'open',
    started: iso(0),
    transport: 'webtransport',
    connection_ids: [],
    paths: [
      { id: 0, state: 'active', local: wifi.local, remote: wifi.remote, network: 'wifi', since: iso(0) },
    ],
    metrics: metrics(),
    changes: 0,
    qlog: false,
    last_event: 0,
    ...more,
  };
}

function metrics() {
  return {
    rtt_ms: 12,
    min_rtt_ms: 10,
    latest_rtt_ms: 12,
    rtt_var_ms: 1,
    congestion_window: 38_400,
    bytes_sent: 0,
    bytes_received: 0,
    packets_sent: 0,
    packets_received: 0,
    packets_lost: 0,
  };
}

export function sample(at: number, more: Partial<ConnectionSample> = {}): ConnectionSample {
  return {
    time: iso(at),
    connection: 'c1',
    path: 0,
    metrics: metrics(),
    send_bps: 2e6,
    recv_bps: 1e6,
    loss_down: 0,
    loss_up: 0,
    frame_down_ms: 40,
    frame_up_ms: 40,
    concealed_down_ms: 0,
    concealed_up_ms: 0,
    playout_ms: 40,
    freezes: 0,
    ...more,
  };
}

export function direction(more: Partial<HandoverDirection> = {}): HandoverDirection {
  return {
    measured: true,
    longest_gap_ms: 66,
    frame_ms: 33.3,
    usual_gap_ms: 41,
    frozen: false,
    concealed_ms: 0,
    frames_lost: 0,
    receivers: 1,
    at_arrival: false,
    ...more,
  };
}

export function report(more: Partial<HandoverReport> = {}): HandoverReport {
  return {
    verdict: 'rebound',
    from: wifi,
    to: cellular,
    started: iso(1000),
    switched: iso(1031.8),
    response_ms: 31.4,
    down: direction(),
    up: direction(),
    ...more,
  };
}
