// Runs a TypeScript program of this folder: node e2e/run.mjs bench/handover.ts --json out.json. Node 20 does not read TypeScript; Vite does.

import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const [file, ...args] = process.argv.slice(2);
if (!file) throw new Error('which file?');
const here = fileURLToPath(new URL('.', import.meta.url));
const { module } = await runnerImport(here + file, { root: here, configFile: false, logLevel: 'error' });
try {
  await module.main(args);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
