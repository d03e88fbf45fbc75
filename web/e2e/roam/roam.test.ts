// A call over real interfaces, routers and NATs goes on when the network changes. How well is for `npm run bench:roam` to say.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cannotRoam, type Outcome, withTestbed } from './bench.ts';
import type { Change } from './changes.ts';
import type { MoverKind } from './movers.ts';

const why = await cannotRoam();
if (why && process.env.E2E_REQUIRE) throw new Error(why);
if (why) console.warn(`skipped: ${why}`);

/** Who, and what may become of its call. Chromium's socket stays with the interface that went down, so its session is replaced. */
const ALLOWED: [MoverKind, Record<'down' | 'rebind', string[]>][] = [
  [
    'chromium',
    { down: ['resumed', 'rebound', 'rebound+resumed'], rebind: ['rebound', 'resumed', 'rebound+resumed'] },
  ],
  ['native', { down: ['migrated', 'rebound', 'resumed'], rebind: ['rebound', 'migrated', 'resumed'] }],
];

/** Past this nobody would still be on the line. */
const LIMIT_MS = 10_000;

describe.skipIf(why !== null)('a call over a real network', () => {
  it.each(ALLOWED)(
    '%s goes on when its interface goes down and when its NAT moves',
    async (kind, allowed) => {
      const folder = await mkdtemp(join(tmpdir(), 'roamcall-roam-test-'));
      try {
        const json = join(folder, 'outcome.json');
        await withTestbed(['--runs', '1', '--only', `${kind},down,rebind`, '--json', json]);
        const { results, skipped } = JSON.parse(await readFile(json, 'utf8')) as Outcome;
        expect(skipped).toEqual({});
        expect(results.map((r) => r.change)).toEqual(['rebind', 'down'] satisfies Change[]);
        for (const r of results) {
          const said = JSON.stringify(r);
          expect(allowed[r.change as 'down' | 'rebind'], said).toContain(r.verdict);
          // The next change begins, and the last one ends, only once media runs in both directions again.
          expect(r.up.gap, said).toBeGreaterThan(0);
          expect(r.up.gap, said).toBeLessThan(LIMIT_MS);
          if (r.down.drawn) {
            expect(r.down.gap, said).toBeGreaterThan(0);
            expect(r.down.gap, said).toBeLessThan(LIMIT_MS);
          } else {
            expect(r.report?.down.measured, said).toBe(true);
            expect(r.report?.down.longest_gap_ms, said).toBeLessThan(LIMIT_MS);
          }
        }
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    180_000,
  );
});
