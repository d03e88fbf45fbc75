// Small pieces of what is measured of a participant, shared with the screens' state.

import type { RemoteStats } from '../call/types.ts';

/** Root mean square to 0..1 on a scale in decibels: -60 dB is 0, -10 dB is 1. */
export function loudness(rms: number): number {
  return rms > 0 ? Math.max(0, Math.min(1, (20 * Math.log10(rms) + 60) / 50)) : 0;
}

export function emptyStats(): RemoteStats {
  return {
    width: 0,
    height: 0,
    fps: 0,
    framesRendered: 0,
    shownAt: [],
    longestGapMs: 0,
    freezes: 0,
    frozenMs: 0,
    framesLost: 0,
    concealedMs: 0,
    playoutMs: 0,
    lipSyncMs: Number.NaN,
    bitrate: 0,
    screen: { width: 0, height: 0, framesRendered: 0 },
    undecrypted: 0,
    wrongKey: false,
  };
}
