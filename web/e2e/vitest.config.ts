import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { PATIENCE } from './harness/wait.ts';

// Browser tests: real browsers, the real server, no mocks. One file at a time, because two cores carry two encoders and two decoders at most.
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    include: ['**/*.test.ts'],
    exclude: ['bench/**'], // which are tests of programs without a browser: npm test runs them
    globalSetup: ['./harness/build.ts'],
    fileParallelism: false,
    // Two browsers encode and decode on a machine that others may use too: a test may be too late once, and says so.
    retry: process.env.CI ? 2 : 0,
    testTimeout: 120_000 * PATIENCE,
    hookTimeout: 60_000 * PATIENCE,
    reporters: ['verbose'],
  },
});
