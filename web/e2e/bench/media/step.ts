// (c) A link that becomes narrow, and wide again.

import { pause } from '../../harness/wait.ts';
import { quantile, show, spread } from '../stats.ts';
import { EmulatedLink } from './conditions.ts';
import { atMost, line, ms, type Outcome, percent, rate } from './outcome.ts';
import { type Reading, takeReadings } from './page.ts';
import { LARGE, publisher, type Scene, type SceneContext, viewer } from './scene.ts';
import { analyse, type LinkSample, NARROW, type StepResult, WIDE } from './steps.ts';
import { age } from './timecode.ts';

/** Large enough that it is the sender, not the network, that keeps the queue short: routers at people's homes hold as much and more. */
const QUEUE_MS = 400;
const NETWORK = ['--network', `wifi:delay=15.5ms,queue=${QUEUE_MS}ms`];

const GOALS = { fitMs: 1_000, queueMs: 150, backMs: 10_000 };

const RISE_MS = 15_000; // at the wide rate, before the first change
const BEFORE_MS = 5_000;
const NARROW_MS = 15_000;
const AFTER_MS = 15_000;
const SAMPLE_MS = 40;

type Way = 'up' | 'down';

export const step: Scene = async (context) => {
  for (const way of ['up', 'down'] as const) {
    context.done(await measure(context, way));
    await context.stage.clear();
  }
};

/** Up: the sender's own link, and the test participant receives. Down: the link of one who views what comes over a link without limits. */
async function measure(context: SceneContext, way: Way): Promise<Outcome> {
  const { stage, options } = context;
  const server = await stage.server('--bot', way === 'up' ? '1' : '0', ...NETWORK);
  await publisher(context, server, 'step', LARGE);
  const bob = way === 'down' ? await viewer(context, server, 'step') : null;
  const link = await EmulatedLink.of(server, bob?.name ?? 'Ada');
  await link.change({ rate_bps: WIDE });
  context.progress(`step ${way}: the rate rises`);
  await pause(RISE_MS);
  const steps: StepResult[] = [];
  const raw: unknown[] = [];
  let width = 0;
  const late: number[] = [];
  for (let n = 1; n <= options.changes; n++) {
    context.progress(`step ${way}: ${n} of ${options.changes}`);
    const samples: LinkSample[] = [];
    const recording = record(link, way, samples);
    if (bob) await takeReadings(bob.page);
    await pause(BEFORE_MS);
    const narrowAt = performance.now();
    const narrowTime = Date.now();
    await link.change({ rate_bps: NARROW });
    await pause(NARROW_MS);
    const wideAt = performance.now();
    const wideTime = Date.now();
    await link.change({ rate_bps: WIDE });
    await pause(AFTER_MS);
    recording.stop();
    await recording.done;
    const result = analyse(samples, narrowAt, wideAt);
    steps.push(result);
    let readings: Reading[] = [];
    if (bob) {
      readings = (await takeReadings(bob.page)).read;
      ({ width } = await bob.sees('Ada'));
      late.push(lateness(readings, narrowTime, wideTime));
    }
    raw.push({ narrowAt, wideAt, narrowTime, wideTime, samples, readings, result });
  }
  const worst = (of: (s: StepResult) => number) => Math.max(...steps.map(of));
  const before = quantile(
    steps.map((s) => s.beforeBps),
    0.5,
  );
  const felt = steps.every((s) => s.beforeBps > NARROW);
  // What was missed was missed in any case; what was met says something only if there was something to give way to.
  const judged = (what: string, measured: number, limit: number) => {
    const judgement = atMost(what, measured, limit);
    return felt || !judgement.met ? judgement : { ...judgement, met: null };
  };
  return {
    scene: `step ${way}`,
    title: `(c) The ${way === 'up' ? "sender's uplink" : "viewer's downlink"} at 3 → 1 → 3 Mbit/s, RTT 31 ms, ${options.changes} times, the worst of each`,
    lines: [
      line('sent before, median', rate(before)),
      judged(
        'until what is sent fits',
        worst((s) => s.fitMs),
        GOALS.fitMs,
      ),
      judged(
        "longest wait in the link's queue",
        worst((s) => s.queueMs),
        GOALS.queueMs,
      ),
      judged(
        'until 90 % of what was sent before',
        worst((s) => s.backMs),
        GOALS.backMs,
      ),
      line(
        'sent while it is narrow, median',
        rate(
          quantile(
            steps.map((s) => s.narrowBps),
            0.5,
          ),
        ),
      ),
      line(
        'packets dropped by the full queue, median / p95 / worst',
        show(spread(steps.map((s) => s.drops))),
      ),
      line(
        'time at 1 Mbit/s in which packets waited more than 150 ms, worst',
        percent(worst((s) => s.longShare)),
      ),
      ...(bob ? [line('picture later than before the change, at most', ms(Math.max(...late)))] : []),
    ],
    notes: [
      `the link's queue takes ${QUEUE_MS} ms, so that the limit is not the network's doing; rates are of UDP payload offered to the link over 500 ms, queues are looked at every ${SAMPLE_MS} ms`,
      ...(bob
        ? [
            `the picture was ${width} wide at the end; what waits in the server before the link counts for how late it is`,
          ]
        : []),
      ...(felt
        ? []
        : [
            `before the change less than 1 Mbit/s was sent: the change was hardly felt, so that to meet a goal says nothing`,
          ]),
    ],
    raw: { way, steps, raw, late },
  };
}

/** Looks at the link again and again until it is stopped. */
function record(link: EmulatedLink, way: Way, samples: LinkSample[]): { stop(): void; done: Promise<void> } {
  let running = true;
  const done = (async () => {
    while (running) {
      const n = await link.network();
      samples.push({
        at: performance.now(),
        bytes: n[way].bytes,
        drops: n[way].dropped.queue,
        queueMs: way === 'up' ? n.queue_up_ms : n.queue_down_ms,
        rateBps: n.rate_now,
      });
      await pause(SAMPLE_MS);
    }
  })();
  return {
    stop() {
      running = false;
    },
    done,
  };
}

/** How much later a frame came while the link was narrow than the median before, ms. */
function lateness(read: Reading[], from: number, to: number): number {
  const usual = quantile(
    read.filter((r) => r.at < from).map((r) => age(r.at, r.code)),
    0.5,
  );
  return Math.max(...read.filter((r) => r.at >= from && r.at < to).map((r) => age(r.at, r.code))) - usual;
}
