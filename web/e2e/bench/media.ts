// What a call is like to look at and to listen to, on networks that are known: npm run bench:media [-- --only SCENE,... --json FILE ...].
//
// All media goes through the lab's links, whose delay, jitter, loss and rate are emulated and are what is said of them. The scenes:
//
//   delay   (a) from capture to render, by a time code in the picture, at RTT 0 and 31 ms; (e) lip sync
//   join    (b) from Join to the first frame, at RTT 0, 31 and 100 ms
//   step    (c) a link of 3 Mbit/s that has 1 for a while: up at the sender's, down at a viewer's
//   loss    (d) 1, 5 and 10 % of the packets lost, and 30 ms of jitter, likewise up and down; (e) lip sync

import { writeFile } from 'node:fs/promises';
import type { Kind } from '../harness/browsers.ts';
import build from '../harness/build.ts';
import { Stage } from '../harness/stage.ts';
import { delay } from './media/delay.ts';
import { join } from './media/join.ts';
import { loss } from './media/loss.ts';
import { type Outcome, print } from './media/outcome.ts';
import type { Options, Scene } from './media/scene.ts';
import { step } from './media/step.ts';

const SCENES: Record<string, Scene> = { delay, join, step, loss };

const BROWSERS: Kind[] = ['chromium', 'firefox'];

const USAGE = `usage: bench:media [-- --only ${Object.keys(SCENES).join('|')},...] [--browser ${BROWSERS.join('|')}] [--runs N] [--changes N] [--seconds N] [--json FILE]

  --runs     how often somebody joins at each RTT; 10
  --changes  how often the rate goes down and up again; 3
  --seconds  how long a delay, a loss or a jitter is measured; 60
  --browser  who is in the call; who sends large pictures is in Chromium all the same`;

interface Command extends Options {
  only: string[];
  json?: string;
}

export function parse(args: string[]): Command {
  const command: Command = {
    browser: 'chromium',
    runs: 10,
    changes: 3,
    seconds: 60,
    only: Object.keys(SCENES),
  };
  for (let i = 0; i < args.length; i += 2) {
    const [flag, value] = [args[i], args[i + 1]];
    if (value === undefined) throw new Error(USAGE);
    if (flag === '--json') command.json = value;
    else if (flag === '--runs' || flag === '--changes' || flag === '--seconds') {
      const n = Number(value);
      if (!Number.isInteger(n) || n < 1) throw new Error(USAGE);
      command[flag.slice(2) as 'runs' | 'changes' | 'seconds'] = n;
    } else if (flag === '--browser') {
      const browser = BROWSERS.find((b) => b === value);
      if (!browser) throw new Error(USAGE);
      command.browser = browser;
    } else if (flag === '--only') {
      command.only = value.split(',');
      if (command.only.some((name) => !SCENES[name])) throw new Error(USAGE);
    } else throw new Error(USAGE);
  }
  return command;
}

export async function main(args: string[]): Promise<void> {
  const { only, json, ...options } = parse(args);
  await build();
  const outcomes: Outcome[] = [];
  const done = (outcome: Outcome) => {
    progress('');
    outcomes.push(outcome);
    console.log(`\n${print(outcome)}`);
  };
  for (const [name, scene] of Object.entries(SCENES)) {
    if (!only.includes(name)) continue;
    const stage = new Stage();
    try {
      await scene({ stage, options, progress, done });
    } catch (error) {
      await stage.evidence(`bench media ${name}`);
      throw error;
    } finally {
      await stage.close();
    }
  }
  if (json)
    await writeFile(json, JSON.stringify({ at: new Date().toISOString(), options, outcomes }, null, 2));
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text) process.stderr.write(`${text}\n`);
}
