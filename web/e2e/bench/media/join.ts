// (b) How long somebody who joins waits for the first picture.

import { until } from '../../harness/wait.ts';
import { quantile, show, spread } from '../stats.ts';
import { atMost, line, ms, type Outcome } from './outcome.ts';
import { joinTimes } from './page.ts';
import { type Scene, type SceneContext, SMALL_WINDOW, viewer } from './scene.ts';

/** Round trips, ms. */
const RTTS = [0, 31, 100];

/** Of the test participant's picture. */
const FRAME_MS = 1000 / 30;

interface Run {
  /** From the press of Join until the page has a link and asks for the session over it, ms; NaN where the browser does not tell. */
  asked: number;
  /** From there, or else from the press, to the first picture, ms. */
  frame: number;
}

export const join: Scene = async (context) => {
  for (const rtt of RTTS) {
    context.done(await measure(context, rtt));
    await context.stage.clear();
  }
};

async function measure(context: SceneContext, rtt: number): Promise<Outcome> {
  const { stage, options } = context;
  const server = await stage.server('--bot', '1', '--network', `wifi:delay=${rtt / 2}ms,rate=50M`);
  const runs: Run[] = [];
  for (let n = 1; n <= options.runs; n++) {
    context.progress(`join: RTT ${rtt} ms, ${n} of ${options.runs}`);
    const person = await viewer(context, server, `join${n}`, SMALL_WINDOW);
    const { clicked, first } = await until(
      'the first picture is seen',
      () => joinTimes(person.page),
      (t) => t.first > 0,
    );
    // The page asks for a link, which is near, and opens the session over it as soon as it has one.
    const [worker] = options.browser === 'chromium' ? person.page.workers() : [];
    const linked = await worker?.evaluate(() => {
      const [asked] = performance
        .getEntriesByType('resource')
        .filter((e) => e.name.endsWith('/api/links')) as PerformanceResourceTiming[];
      return asked ? performance.timeOrigin + asked.responseEnd : null;
    });
    const asked = linked ?? null;
    runs.push({ asked: asked === null ? Number.NaN : asked - clicked, frame: first - (asked ?? clicked) });
    await person.close();
  }
  const frames = runs.map((r) => r.frame);
  const own = runs.map((r) => r.asked).filter((a) => !Number.isNaN(a));
  const goal = 3 * rtt + FRAME_MS;
  const known = own.length === runs.length;
  const since = known ? 'the session is asked for' : 'Join is pressed';
  const median = quantile(frames, 0.5);
  return {
    scene: 'join',
    title: `(b) Join to first frame, RTT ${rtt} ms, ${runs.length} runs, somebody without a camera`,
    lines: [
      known
        ? atMost(`from when ${since} to the first frame, median`, median, goal)
        : {
            what: `from when ${since} to the first frame, median`,
            measured: ms(median),
            goal: `≤ ${ms(goal)}`,
            met: null,
          },
      line('the same, median / p95 / worst', `${show(spread(frames))} ms`),
      line('before it, the work of the page since Join, median / p95 / worst', `${show(spread(own))} ms`),
    ],
    notes: [
      `the goal is 3 RTT and one frame interval, ${FRAME_MS.toFixed(1)} ms; the frame is seen up to 16.7 ms after it was drawn`,
      ...(known
        ? []
        : ['this browser does not tell when the session is asked for, so the goal cannot be judged']),
    ],
    raw: { rtt, runs },
  };
}
