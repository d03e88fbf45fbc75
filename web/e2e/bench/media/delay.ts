// (a) How old a picture is when it is on the viewer's canvas. (e) How far from it the sound is.

import { pause } from '../../harness/wait.ts';
import { quantile, show, spread } from '../stats.ts';
import { atMost, line, lipSyncError, ms, type Outcome, percent } from './outcome.ts';
import { drawnSince, takeReadings } from './page.ts';
import { publisher, type Scene, type SceneContext, SMALL, viewer } from './scene.ts';
import { age } from './timecode.ts';

/** Round trips of each of the two links, ms. */
const RTTS = [0, 31];

/** Of the median and the 95th percentile, ms. */
const GOAL = { p50: 90, p95: 130 };

/** The playout delay settles. */
const SETTLE_MS = 5_000;

export const delay: Scene = async (context) => {
  for (const rtt of RTTS) {
    context.progress(`delay: RTT ${rtt} ms`);
    context.done(await measure(context, rtt));
    await context.stage.clear();
  }
};

async function measure(context: SceneContext, rtt: number): Promise<Outcome> {
  const { stage, options } = context;
  const server = await stage.server('--bot', '0', '--network', `wifi:delay=${rtt / 2}ms,rate=50M`);
  const { person: ada, capture } = await publisher(context, server, 'delay', SMALL);
  const bob = await viewer(context, server, 'delay');
  await bob.seesMotion('Ada', 60_000);
  await pause(SETTLE_MS);
  await takeReadings(bob.page);
  const from = Date.now();
  await pause(options.seconds * 1000);
  const { read, unread, lipSync } = await takeReadings(bob.page);
  const { width, playoutMs } = await bob.sees('Ada');
  const stoodStill = await bob.stoodStill(options.seconds * 1000);
  const delays = read.map((r) => age(r.at, r.code));
  // A frame counts as decoded if it was seen; those of the last second may still be on their way.
  const last = read.at(-1)?.at ?? from;
  const drawn = (await drawnSince(ada.page, from)).filter((t) => t < last - 1_000);
  const seen = new Set(read.map((r) => r.code));
  const decoded = drawn.filter((t) => seen.has(t % 2 ** 24)).length / drawn.length;
  return {
    scene: 'delay',
    title: `(a) Capture to render, RTT ${rtt} ms between each of the two and the server, ${width} wide`,
    lines: [
      atMost('delay, median', quantile(delays, 0.5), GOAL.p50),
      atMost('delay, p95', quantile(delays, 0.95), GOAL.p95),
      line('delay, worst', `${quantile(delays, 1).toFixed(0)} ms of ${delays.length} frames`),
      line('frames decoded, of those drawn', percent(decoded)),
      line('what the sound waits at the viewer, which the picture keeps up with', ms(playoutMs)),
      line('(e) lip sync error, median / p95 / worst', lipSyncError(lipSync)),
      line('the page itself stood still, at most', ms(stoodStill)),
    ],
    notes: [
      `in that is what the method adds: from drawing to capture ${show(spread(capture))} ms, median / p95 / worst, and up to 16.7 ms until the next animation frame looks at the canvas`,
      `${unread} looks at a picture could not read the time; the path from one to the other is ${rtt} ms long, half of either link's round trip`,
    ],
    raw: {
      rtt,
      width,
      playoutMs,
      stoodStill,
      delays,
      decoded,
      drawn: drawn.length,
      unread,
      lipSync,
      capture,
    },
  };
}
