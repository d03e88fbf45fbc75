// What the server says of a comparison and of everybody's runs (server/compare.go, server/compare_runs.go).

import type { SwitchStyle, Verdict } from '../../protocol/messages.gen.ts';

export const LANES = ['quic', 'tcp', 'paths'] as const;
export type LaneName = (typeof LANES)[number];

/** A change that all lanes can make. */
export type RunStyle = Exclude<SwitchStyle, 'soft'>;

/** What the third lane's engine is told instead of a network while the network of its first path is gone. */
export const AWAY = 'away';

export interface LaneState {
  id: string;
  url: string;
  network: string;
  address?: string;
  away?: boolean;
  /** Delivered by the link: UDP payload, with QUIC's headers, acknowledgements and repetitions, or bytes of the TCP stream, without TCP's. */
  bytes_down: number;
  bytes_up: number;
}

export interface LabNetwork {
  name: string;
  title: string;
  delay_ms: number;
  jitter_ms: number;
  loss: number;
  rate_bps: number;
}

export interface Comparison {
  id: string;
  seat: number;
  emulated: boolean;
  network: string;
  switching: boolean;
  progress: number;
  walk_ms: number;
  switched?: string;
  networks: LabNetwork[];
  quic: LaneState;
  tcp: LaneState;
  paths: [LaneState, LaneState];
  /** Of everybody: how many are kept, and the last. */
  runs: number;
  last_run: number;
}

export interface LaneRun {
  longest_gap_ms: number;
  frozen_ms: number;
  freezes: number;
  lost_ms: number;
  concealed_ms: number;
  bytes: number; // as LaneState has them: not alike in QUIC and TCP
  verdict: Verdict | '';
  silence_ms: number;
}

export interface Run extends Record<LaneName, LaneRun> {
  id: number;
  time: string;
  seat: number;
  style: RunStyle;
  /** The longest that pictures stood still just before it, or the page during it, because its machine was busy. */
  stood_ms: number;
}
