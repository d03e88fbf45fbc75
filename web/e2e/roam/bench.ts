// What walking out of Wi-Fi costs, over real interfaces, routers and NATs in network namespaces:
//
//   npm run bench:roam [-- --runs N] [--only KIND,CHANGE,...] [--viewer native] [--json FILE]
//
// Needs root, because namespaces do. A first program makes the test bed and removes it, whatever happens; a second one, which it starts inside the client's
// namespace, measures: browsers are then driven over that namespace's loopback, which no change of network touches.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import build from '../harness/build.ts';
import { CHANGES, type Change, WHAT } from './changes.ts';
import { CannotRun, MOVERS, type MoverKind, missing, TITLES, VIEWERS, type ViewerKind } from './movers.ts';
import { type Result, Scene } from './scene.ts';
import { run } from './shell.ts';
import { summarize, table } from './table.ts';
import { Testbed } from './testbed.ts';

export interface Outcome {
  results: Result[];
  /** Kinds that could not run, with the reason. */
  skipped: Record<string, string>;
}

interface Options {
  runs: number;
  movers: MoverKind[];
  changes: Change[];
  viewer: ViewerKind;
  json?: string;
  /** The test bed to measure in; without it, one is made. */
  inside?: string;
}

const USAGE = `usage: bench:roam [-- --runs N] [--only ${MOVERS.join('|')}|${CHANGES.join('|')},...] [--viewer ${VIEWERS.join('|')}] [--json FILE]`;

function parse(args: string[]): Options {
  const options: Options = {
    runs: Number(process.env.RUNS ?? 10),
    movers: [...MOVERS],
    changes: [...CHANGES],
    viewer: 'chromium',
  };
  for (let i = 0; i < args.length; i += 2) {
    const [flag, value] = [args[i], args[i + 1]];
    if (value === undefined) throw new Error(USAGE);
    if (flag === '--runs') options.runs = Number(value);
    else if (flag === '--viewer') {
      const viewer = VIEWERS.find((v) => v === value);
      if (!viewer) throw new Error(USAGE);
      options.viewer = viewer;
    } else if (flag === '--json') options.json = value;
    else if (flag === '--inside') options.inside = value;
    else if (flag === '--only') {
      const names = value.split(',');
      const movers = MOVERS.filter((m) => names.includes(m));
      const changes = CHANGES.filter((c) => names.includes(c));
      if (movers.length + changes.length < names.length) throw new Error(USAGE);
      if (movers.length > 0) options.movers = movers;
      if (changes.length > 0) options.changes = changes;
    } else throw new Error(USAGE);
  }
  if (!(options.runs >= 1)) throw new Error(USAGE);
  return options;
}

/** Why there can be no test bed here; null if there can. */
export async function cannotRoam(): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const [program, ...args] of [
    ['ip', '-V'],
    ['nft', '--version'],
  ] as const) {
    const why = await run(program, args).then(
      () => null,
      () => `there is no "${program}" here`,
    );
    if (why) return why;
  }
  const name = `roam${process.pid}-try`;
  return run('ip', ['netns', 'add', name]).then(
    () => run('ip', ['netns', 'del', name]).then(() => null),
    (e: Error) => `no network namespace can be made: ${e.message}`,
  );
}

export async function main(args: string[]): Promise<void> {
  const options = parse(args);
  if (options.inside) return measure(new Testbed(options.inside), options);
  const why = await cannotRoam();
  if (why) {
    console.log(`skipped: ${why}`);
    return;
  }
  await build();
  await withTestbed(args);
}

/** Makes a test bed, measures in it, and removes it. */
export async function withTestbed(args: string[]): Promise<void> {
  const testbed = new Testbed(`roam${process.pid}`);
  const stop = new AbortController();
  const interrupted = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupted);
  try {
    await testbed.create();
    if (stop.signal.aborted) throw new Error('interrupted');
    await inNamespace(testbed, args, stop.signal);
  } finally {
    await testbed.destroy();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, interrupted);
  }
}

/** Runs this program again, inside. It is given time to end its browsers when it is to stop. */
async function inNamespace(testbed: Testbed, args: string[], stop: AbortSignal): Promise<void> {
  const run = fileURLToPath(new URL('../run.mjs', import.meta.url));
  const again = [run, 'roam/bench.ts', ...args, '--inside', testbed.name];
  const child = spawn('ip', ['netns', 'exec', testbed.client, process.execPath, ...again], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let late: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    child.kill('SIGTERM');
    late = setTimeout(() => child.kill('SIGKILL'), 15_000);
  };
  stop.addEventListener('abort', end);
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(late);
  if (code !== 0) throw new Error(`the measurement ended with ${code ?? signal}`);
}

/** Measures; runs inside the client's namespace. */
async function measure(testbed: Testbed, options: Options): Promise<void> {
  const outcome: Outcome = { results: [], skipped: {} };
  let scene: Scene | null = null;
  const interrupted = () => void (scene?.close() ?? Promise.resolve()).finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupted);
  for (const kind of options.movers) {
    const why = missing(kind, options.viewer);
    if (why) outcome.skipped[kind] = why;
    else {
      try {
        scene = await Scene.open(testbed, kind, options.viewer);
        await play(scene, options, outcome.results);
      } catch (error) {
        if (!(error instanceof CannotRun)) {
          console.error(scene?.evidence() ?? 'the call did not begin');
          throw error;
        }
        outcome.skipped[kind] = error.message;
      } finally {
        await scene?.close();
        scene = null;
      }
    }
    if (outcome.skipped[kind]) console.log(`${TITLES[kind]}: skipped: ${outcome.skipped[kind]}`);
  }
  console.log(`\n${options.changes.map((c) => `${c}: ${WHAT[c]}`).join('\n')}\n`);
  const summary = summarize(outcome.results);
  console.log(table(summary));
  if (options.json) {
    const all = { at: new Date().toISOString(), summary, ...outcome };
    await writeFile(options.json, JSON.stringify(all, null, 2));
  }
}

/** One change after the other, those last after which a browser waits longer with its next connections. */
async function play(scene: Scene, options: Options, results: Result[]): Promise<void> {
  for (const change of options.changes) {
    for (let n = 1; n <= options.runs; n++) {
      const result = await scene.run(change);
      results.push(result);
      if (result.verdict === 'dropped') console.error(scene.evidence());
      const gap = (way: 'up' | 'down') => `${way} ${result[way].gap?.toFixed(0) ?? '–'} ms`;
      console.error(
        `${TITLES[scene.kind]}, ${n} of ${options.runs}: ${change} of ${result.from}: ${result.verdict}, ${gap('up')}, ${gap('down')}`,
      );
    }
  }
}
