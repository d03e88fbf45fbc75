// A server that is restarted and keeps its calls: nobody has to join again.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cannot, KINDS } from './harness/browsers.ts';
import { testid } from './harness/person.ts';
import { useStage } from './harness/use-stage.ts';
import { until } from './harness/wait.ts';

const stage = useStage();

/** A second is what is to be had; browsers and server share this machine. */
const LONGEST_MS = 5_000;

/** More of them measure what a restart costs: RESTARTS=10 npm run e2e restart. */
const RESTARTS = Number(process.env.RESTARTS ?? 1);

describe.each(KINDS)('when the server is restarted, %s', (kind) => {
  it.skipIf(cannot(kind, 'chromium'))(
    'resumes the call as the same person, and says what happens',
    async () => {
      const state = await mkdtemp(join(tmpdir(), 'roamcall-state-'));
      try {
        const server = await stage.server('--bot', '0', '--no-lab', '--state', state);
        const ada = await stage.person(kind, server, 'Ada');
        const bob = await stage.person('chromium', server, 'Bob');
        await ada.join('restart');
        await bob.join('restart');
        await ada.seesMotion('Bob');
        await bob.hears('Ada');
        await ada.click('mic'); // off
        await ada.click('chat');
        await ada.page.waitForSelector(testid('chat-input'));
        await ada.page.type(testid('chat-input'), 'Still here?');
        await ada.click('chat-send');
        await until(
          'Bob has the message',
          () => bob.has('chat-unread'),
          (unread) => unread,
        );
        await until(
          'Bob is shown that Ada is muted',
          () => bob.sees('Ada'),
          (s) => s.muted,
        );
        const before = [await ada.sees('Bob'), await bob.sees('Ada')];
        // Marks the tiles: what comes in their place has no mark.
        for (const person of [ada, bob])
          await person.page.$$eval(testid('remote-video'), (all) => {
            for (const canvas of all) canvas.setAttribute('data-marked', '');
          });
        const told = [ada, bob].map((p) =>
          until(
            `${p.name} is told`,
            () => p.text('toasts'),
            (t) => t?.includes('The server restarts.') ?? false,
          ),
        );

        let running = server;
        const gaps: number[] = [];
        for (let n = 0; n < RESTARTS; n++) {
          await running.stop();
          running = await stage.again(running);
          const { events } = running;
          for (const name of ['Ada', 'Bob']) {
            const { report } = await events.next(
              `${name}'s report`,
              (e) => e.type === 'handover_report' && e.name === name,
            );
            expect(report?.verdict).toBe('resumed');
            expect(report?.down.measured && report.up.measured).toBe(true);
            gaps.push(report?.down.longest_gap_ms ?? Number.NaN); // of the picture of the other, whose report has the same
          }
        }
        await Promise.all(told);
        console.info(`${kind}: longest gaps ${gaps.map((g) => Math.round(g)).sort((x, y) => x - y)} ms`);
        expect(Math.max(...gaps)).toBeLessThan(LONGEST_MS);
        await ada.seesMotion('Bob');
        await bob.seesMotion('Ada');
        const after = [await ada.sees('Bob'), await bob.sees('Ada')];
        expect(after.map((s) => s.participant)).toEqual(before.map((s) => s.participant));
        expect(after[1]?.muted).toBe(true);
        for (const person of [ada, bob]) {
          expect(
            await person.page.$$eval(testid('remote-video'), (all) =>
              all.map((c) => c.hasAttribute('data-marked')),
            ),
          ).toEqual([true]);
        }
        await bob.click('chat');
        await bob.page.waitForSelector(testid('chat-message'));
        expect(await bob.page.$$eval(testid('chat-message'), (all) => all.length)).toBe(1);
        await ada.click('mic');
        await bob.hears('Ada');
      } finally {
        await rm(state, { recursive: true, force: true });
      }
    },
  );
});
