// The four things that happen to a network.

import { pause } from '../harness/wait.ts';
import type { Side, Testbed } from './testbed.ts';

/** `fade` is the last: connections that are opened in vain make Chromium delay all others for minutes. */
export const CHANGES = ['rebind', 'down', 'late', 'fade'] as const;
export type Change = (typeof CHANGES)[number];

/** In `late`, for how long there is no network. */
const LATE_MS = 1_000;
/** In `fade`, after how long the packets pass again. A client that knows no other way than the system's is back only then. */
export const FADE_MS = 5_000;

export const WHAT: Record<Change, string> = {
  down: 'the network in use goes down, the other is up',
  late: `the network in use goes down, the other comes up ${LATE_MS} ms later`,
  rebind: 'the NAT of the network in use changes its address and ports',
  fade: `all packets of the network in use are lost for ${FADE_MS} ms, the interface stays up`,
};

const other = (side: Side): Side => (side === 'wlan' ? 'wwan' : 'wlan');

/** A change that has happened. */
export interface Happened {
  from: Side;
  /** The network that the system prefers after the change. */
  now: Side;
  /** Just before the change and when there was a usable network again (the same, but for `late`), ms since the epoch. */
  began: number;
  usable: number;
  /** Puts back what the change broke; the networks stay in the order that they have now. */
  restore(): Promise<void>;
}

/** What has to be so for a while before the change. */
export async function prepare(testbed: Testbed, change: Change, active: Side): Promise<void> {
  if (change === 'late') await testbed.down(other(active));
}

/** Changes the network `active`, which is the one that the system prefers. */
export async function apply(testbed: Testbed, change: Change, active: Side): Promise<Happened> {
  const to = other(active);
  const began = Date.now();
  switch (change) {
    case 'down':
      await testbed.down(active);
      return { from: active, now: to, began, usable: began, restore: () => testbed.up(active) };
    case 'late': {
      await testbed.down(active);
      await pause(began + LATE_MS - Date.now());
      const usable = Date.now();
      await testbed.up(to);
      return { from: active, now: to, began, usable, restore: () => testbed.up(active) };
    }
    case 'rebind':
      await testbed.rebind(active);
      return { from: active, now: active, began, usable: began, restore: async () => undefined };
    case 'fade': {
      await testbed.fade(active, true);
      const over = pause(FADE_MS).then(() => testbed.fade(active, false));
      return { from: active, now: active, began, usable: began, restore: () => over };
    }
  }
}
