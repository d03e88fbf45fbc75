// A sound server without sound, for Firefox: without an audio device its AudioContexts stay suspended, so a call would be silent. (Chromium has
// a null sink of its own.) It is a plain process with a socket of its own and touches nobody else's sound.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait.ts';

const PROGRAM = '/usr/bin/pulseaudio';

export const hasPulse = existsSync(PROGRAM);

export interface Pulse {
  /** What a program that plays sound needs in its environment. */
  env: Record<string, string>;
  close(): Promise<void>;
}

export async function startPulse(): Promise<Pulse> {
  const home = await mkdtemp(join(tmpdir(), 'roamcall-pulse-'));
  const socket = join(home, 'native');
  const process_ = spawn(
    PROGRAM,
    [
      '-n', // no modules but these
      '--daemonize=no',
      '--use-pid-file=no',
      '--exit-idle-time=-1',
      '--disallow-exit',
      '--realtime=no',
      '--high-priority=no',
      '-L',
      'module-null-sink',
      '-L',
      `module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        HOME: home,
        XDG_RUNTIME_DIR: home,
        XDG_CONFIG_HOME: home,
        PULSE_STATE_PATH: home,
      },
    },
  );
  let said = '';
  process_.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    await until('pulseaudio opens its socket', () => existsSync(socket) || process_.exitCode !== null);
    if (process_.exitCode !== null) throw new Error(`pulseaudio ended with ${process_.exitCode}`);
  } catch (error) {
    process_.kill('SIGKILL');
    throw new Error(`${String(error)}\n${said}`);
  }
  return {
    env: { PULSE_SERVER: `unix:${socket}` },
    async close() {
      if (process_.exitCode === null) {
        const end = once(process_, 'exit');
        process_.kill('SIGKILL'); // it holds nothing that could be lost, and SIGTERM is refused by --disallow-exit
        await end;
      }
      await rm(home, { recursive: true, force: true });
    },
  };
}
