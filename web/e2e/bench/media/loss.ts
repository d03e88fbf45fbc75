// (d) A network that loses packets, or delivers them unevenly. (e) How far picture and sound are apart on it.

import { pause } from '../../harness/wait.ts';
import { type Conditions, EmulatedLink } from './conditions.ts';
import { line, lipSyncError, ms, type Outcome, percent } from './outcome.ts';
import { takeReadings } from './page.ts';
import { publisher, type Scene, type SceneContext, SMALL, viewer } from './scene.ts';

/** One way; as much as the jitter is, which cannot be more. */
const DELAY_MS = 30;

const NOTHING: Conditions = { loss: 0, jitter_ms: 0 };

const CASES: { name: string; conditions: Conditions }[] = [
  { name: 'nothing lost', conditions: NOTHING },
  { name: '1 % lost', conditions: { ...NOTHING, loss: 0.01 } },
  { name: '5 % lost', conditions: { ...NOTHING, loss: 0.05 } },
  { name: '10 % lost', conditions: { ...NOTHING, loss: 0.1 } },
  { name: `jitter ± ${DELAY_MS} ms`, conditions: { ...NOTHING, jitter_ms: DELAY_MS } },
];

/** Until a condition is what the playout delay has settled to. */
const SETTLE_MS = 5_000;

export const loss: Scene = async (context) => {
  for (const way of ['up', 'down'] as const) {
    context.done(await measure(context, way));
    await context.stage.clear();
  }
};

async function measure(context: SceneContext, way: 'up' | 'down'): Promise<Outcome> {
  const { stage, options } = context;
  const server = await stage.server('--bot', '0', '--network', `wifi:delay=${DELAY_MS}ms,rate=50M`);
  await publisher(context, server, 'loss', SMALL);
  const bob = await viewer(context, server, 'loss');
  await bob.seesMotion('Ada', 60_000);
  await bob.hears('Ada', 60_000);
  const link = await EmulatedLink.of(server, way === 'up' ? 'Ada' : bob.name);
  const outcome: Outcome = {
    scene: `loss ${way}`,
    title: `(d) Loss and jitter on the ${way === 'up' ? "sender's" : "viewer's"} link, in both directions, RTT 60 ms, ${options.seconds} s each, as the viewer measured it`,
    lines: [],
    notes: [
      'the first is what this machine does by itself; lip sync is median / p95 / worst of how far picture and sound are apart',
    ],
    raw: null,
  };
  const raw: unknown[] = [];
  for (const { name, conditions } of CASES) {
    context.progress(`loss ${way}: ${name}`);
    await link.change(conditions);
    await pause(SETTLE_MS);
    await takeReadings(bob.page);
    const before = await bob.sees('Ada');
    const from = performance.now();
    await pause(options.seconds * 1000);
    const after = await bob.sees('Ada');
    const took = performance.now() - from;
    const { lipSync } = await takeReadings(bob.page);
    const freezes = ((after.freezes - before.freezes) * 60_000) / took;
    const frozen = (after.frozenMs - before.frozenMs) / took;
    const concealed = (after.concealedMs - before.concealedMs) / took;
    const fps = ((after.frames - before.frames) * 1000) / took;
    const stoodStill = await bob.stoodStill(took);
    outcome.lines.push(
      line(
        name,
        [
          `${freezes.toFixed(1)} freezes a minute (${percent(frozen)} of the time)`,
          `${percent(concealed)} of the sound made up`,
          `${fps.toFixed(0)} frames/s`,
          `(e) lip sync error ${lipSyncError(lipSync)}`,
          `the page itself stood still ${ms(stoodStill)} at most`,
        ].join('; '),
      ),
    );
    raw.push({
      name,
      conditions,
      took,
      freezes,
      frozen,
      concealed,
      fps,
      playoutMs: after.playoutMs,
      stoodStill,
      lipSync,
      before,
      after,
    });
  }
  return { ...outcome, raw };
}
