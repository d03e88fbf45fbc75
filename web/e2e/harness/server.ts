// The real server as a child process, on ports that are free.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { BINARY } from './build.ts';
import { Events } from './events.ts';

/** How long the server may take to say goodbye and end. */
const END_MS = 5_000;

export class Server {
  /** All that it wrote, for when a test fails. */
  log = '';
  #process: ChildProcess;
  private constructor(
    process: ChildProcess,
    readonly flags: string[],
  ) {
    this.#process = process;
  }

  /** Where the page is: http://localhost:PORT. */
  origin = '';
  /** UDP port of QUIC. */
  port = 0;
  events!: Events;

  /** Starts it and waits for the line that says where to go. Ports are free ones unless the flags say which. */
  static async start(...flags: string[]): Promise<Server> {
    const has = (flag: string) => flags.includes(flag);
    const args = ['serve'];
    if (!has('--addr')) args.push('--addr', '127.0.0.1:0');
    if (!has('--http')) args.push('--http', '127.0.0.1:0');
    args.push(...flags);
    const process = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new Server(process, flags);
    try {
      server.origin = await server.#ready();
      // By address: Node would try ::1 first for localhost.
      const config = await fetch(`${server.api}/api/config`);
      const { webtransport_url } = (await config.json()) as { webtransport_url: string };
      server.port = Number(new URL(webtransport_url).port);
      server.events = await Events.follow(server.api);
      return server;
    } catch (error) {
      process.kill('SIGKILL');
      throw new Error(`the server did not start: ${String(error)}\n${server.log}`);
    }
  }

  /** Where Node asks the API. */
  get api(): string {
    return this.origin.replace('localhost', '127.0.0.1');
  }

  /** Interrupts it and waits; throws unless it ends by itself and with status 0. */
  async stop(): Promise<void> {
    this.events.close();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const end = once(this.#process, 'exit');
      this.#process.kill('SIGINT');
      const late = setTimeout(() => this.#process.kill('SIGKILL'), END_MS);
      await end;
      clearTimeout(late);
    }
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== 0)
      throw new Error(`the server ended with ${exitCode ?? signalCode}:\n${this.log.slice(-4000)}`);
  }

  /** Starts another one on the same ports with the same flags. */
  again(): Promise<Server> {
    const flags = this.flags.filter(
      (f, i) => !['--addr', '--http'].includes(f) && !['--addr', '--http'].includes(this.flags[i - 1] ?? ''),
    );
    return Server.start(
      '--addr',
      `127.0.0.1:${this.port}`,
      '--http',
      `127.0.0.1:${new URL(this.origin).port}`,
      ...flags,
    );
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.api + path);
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  #ready(): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('it says nothing')), 20_000);
      const hear = (chunk: Buffer) => {
        this.log += chunk.toString();
        const found = /open (http:\/\/\S+)/.exec(this.log);
        if (!found?.[1]) return;
        clearTimeout(timer);
        resolve(found[1]);
      };
      this.#process.stdout?.on('data', hear);
      this.#process.stderr?.on('data', hear);
      this.#process.on('error', reject);
      this.#process.on('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`it ended with ${code}`));
      });
    });
  }
}
