// Builds what the tests run: the page and the server with the page inside. Once, before the first file.

import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const WEB = fileURLToPath(new URL('../..', import.meta.url));
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Where pictures, logs and the binary go; git ignores it. */
export const OUT = fileURLToPath(new URL('../out', import.meta.url));

/** The server's binary. ROAMCALL names one that is built already. */
export const BINARY = process.env.ROAMCALL ?? `${OUT}/roamcall`;

export default async function build(): Promise<void> {
  await mkdir(OUT, { recursive: true });
  if (process.env.ROAMCALL) return;
  // Vitest sets NODE_ENV to test, which would make another page than people get.
  const env = { ...process.env, NODE_ENV: 'production' };
  await run(`${WEB}/node_modules/.bin/vite`, ['build', '--logLevel', 'warn'], { cwd: WEB, env });
  await run('go', ['build', '-o', BINARY, './cmd/roamcall'], { cwd: ROOT });
}
