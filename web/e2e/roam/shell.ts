// Programs that are run to their end, and programs that are kept running in a namespace.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a program, gives it `input`, and returns what it prints. Rejects with what it says on failure. */
export function run(program: string, args: string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`${program} ${args.join(' ')}: ${stderr.trim() || error.message}\n${input}`));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined); // it ended before it had read all; its status says why
    child.stdin?.end(input);
  });
}

/** A program that runs in a namespace until `stop`. Whoever started it stops it. */
export class Running {
  log = '';
  readonly #process: ChildProcess;
  readonly #name: string;

  constructor(namespace: string, program: string, args: string[]) {
    this.#name = `${program} ${args[0] ?? ''}`;
    // "ip netns exec" becomes the program, so a signal to it reaches the program.
    this.#process = spawn('ip', ['netns', 'exec', namespace, program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const hear = (chunk: Buffer) => {
      this.log = (this.log + chunk.toString()).slice(-200_000);
    };
    this.#process.stdout?.on('data', hear);
    this.#process.stderr?.on('data', hear);
    this.#process.on('error', (e) => hear(Buffer.from(String(e))));
  }

  get ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Waits for words in what it prints; returns the match. */
  async says(words: RegExp, withinMs = 20_000): Promise<RegExpExecArray> {
    const end = Date.now() + withinMs;
    for (;;) {
      const found = words.exec(this.log);
      if (found) return found;
      if (this.ended || Date.now() > end) {
        throw new Error(
          `${this.#name} ${this.ended ? 'ended' : 'did not say'} ${words}:\n${this.log.slice(-2000)}`,
        );
      }
      await new Promise((r) => setTimeout(r, 20));
    }
  }

  async stop(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT', withinMs = 8_000): Promise<void> {
    if (this.ended) return;
    const end = once(this.#process, 'exit');
    this.#process.kill(signal);
    const late = setTimeout(() => this.#process.kill('SIGKILL'), withinMs);
    await end;
    clearTimeout(late);
  }
}
