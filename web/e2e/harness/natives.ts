// Participants without a browser, each over a lab link of its own: what a class costs less to be made of.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { BINARY } from './build.ts';
import type { Server } from './server.ts';

/** They share two cores with browsers: a machine that is busy must not look like a network that is gone. */
const PATIENT = ['--silence', '3s'];

export class Natives {
  #processes: ChildProcess[] = [];
  /** What they said, by name. */
  readonly log = new Map<string, string>();

  /** Joins a room of the server as each of the names. */
  join(server: Server, room: string, names: readonly string[], ...flags: string[]): void {
    for (const name of names)
      this.#start(name, [
        'join',
        `${server.origin}/call/${room}`,
        '--name',
        name,
        '--lab',
        ...PATIENT,
        ...flags,
      ]);
  }

  /** Lets pairs join that only talk, in rooms bench-1, bench-2 …, as Person 1 and Person 2, all in one process. */
  talk(server: Server, pairs: number): void {
    const load = ['--calls', `${pairs}`, '--publishers', '2', '--subscribers', '0', '--video', 'off'];
    this.#start('talk', [
      'bench',
      '--server',
      server.origin,
      '--lab',
      '--duration',
      '10m',
      '--ramp',
      '3s',
      ...load,
    ]);
  }

  #start(name: string, args: string[]): void {
    const process = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = (chunk: Buffer) => this.log.set(name, (this.log.get(name) ?? '') + chunk.toString());
    process.stdout?.on('data', hear);
    process.stderr?.on('data', hear);
    this.#processes.push(process);
  }

  /** Ends them and waits. */
  async leave(): Promise<void> {
    await Promise.all(
      this.#processes.splice(0).map(async (p) => {
        if (p.exitCode !== null || p.signalCode !== null) return;
        const end = once(p, 'exit');
        p.kill('SIGINT');
        const late = setTimeout(() => p.kill('SIGKILL'), 5_000);
        await end;
        clearTimeout(late);
      }),
    );
  }
}
