// What one lane showed during a run, from the times at which it rendered frames. Pure; milliseconds of one clock.

import { FreezeMeter } from '../../media/freeze.ts';

/** A gap is longer than so many usual frame intervals; what a busy machine does to single frames is not. */
export const GAP_FRAMES = 3;
/** What is usual where there is nothing to tell: 25 frames a second. */
export const ASSUMED_MS = 40;
const USUAL_MS = 5_000; // before the run: what is usual

export interface Measured {
  frames: number;
  /** Longest interval between two frames that touches the window; the running one counts up to its end, and one without a frame before it from its beginning. */
  longestGapMs: number;
  freezes: number;
  frozenMs: number;
  /** The time in which nothing new was shown: of each gap of more than three usual intervals, all but one usual interval. */
  lostMs: number;
}

/** The mean interval before a moment; 0 without two frames there. */
export function usualInterval(times: readonly number[], before: number): number {
  const usual = times.filter((t) => t <= before && t > before - USUAL_MS);
  const first = usual[0];
  const last = usual.at(-1);
  return first !== undefined && last !== undefined && usual.length > 1
    ? (last - first) / (usual.length - 1)
    : 0;
}

/** Measures from `from` to `to`; `times` are of frames in order, with those of some seconds before `from`. Where no frame was shown all of it is lost. */
export function measure(times: readonly number[], from: number, to: number): Measured {
  const meter = new FreezeMeter();
  const usual = usualInterval(times, from);
  const out: Measured = { frames: 0, longestGapMs: 0, freezes: 0, frozenMs: 0, lostMs: 0 };
  let before = { freezes: 0, frozenMs: 0 };
  let last = Number.NaN;
  const interval = (to: number) => {
    const ms = to - (Number.isNaN(last) ? from : last);
    const normal = usual || meter.mean || ASSUMED_MS;
    out.longestGapMs = Math.max(out.longestGapMs, ms);
    if (Number.isNaN(last)) out.lostMs += ms;
    else if (ms > GAP_FRAMES * normal) out.lostMs += ms - normal;
  };
  for (const t of times) {
    if (t > to) break;
    if (t > from) {
      out.frames++;
      interval(t);
    }
    meter.add(t);
    if (t <= from) before = { freezes: meter.freezes, frozenMs: meter.frozenMs };
    last = t;
  }
  interval(to);
  if (Number.isNaN(last)) return out; // what was never there cannot freeze
  meter.add(to); // as if a frame came now: a freeze that lasts is one
  out.freezes = meter.freezes - before.freezes;
  out.frozenMs = meter.frozenMs - before.frozenMs;
  return out;
}
