// A phone on the same network as the server: another host, HTTPS with a certificate that the browser does not know, and no rights but its own.

import { describe, expect, it } from 'vitest';
import { BINARY } from '../harness/build.ts';
import { testid } from '../harness/person.ts';
import { until } from '../harness/wait.ts';
import { cannotRoam } from './bench.ts';
import { visit } from './browser.ts';
import { Running } from './shell.ts';
import { SERVER_ADDRESS, Testbed } from './testbed.ts';

const why = await cannotRoam();
if (why && process.env.E2E_REQUIRE) throw new Error(why);
if (why) console.warn(`skipped: ${why}`);

const ORIGIN = `https://${SERVER_ADDRESS}:4433`;
const KEY = 'correct horse battery staple';

describe.skipIf(why !== null)('a phone on the local network', () => {
  it('joins, changes its emulated network, and sees the dashboard with the key only', async () => {
    const testbed = new Testbed(`roam${process.pid}-lan`);
    const undo: (() => Promise<unknown>)[] = [() => testbed.destroy()];
    try {
      await testbed.create();
      const args = [
        'serve',
        '--addr',
        ':4433',
        '--http',
        '127.0.0.1:8080',
        '--bot',
        '1',
        '--operator-key',
        KEY,
      ];
      const server = new Running(testbed.server, BINARY, args);
      undo.push(() => server.stop());
      await server.says(/is ready/);
      expect(server.log).toContain(ORIGIN);

      const phone = await visit('chromium', {
        name: 'Ada',
        origin: ORIGIN,
        namespace: testbed.viewer,
        camera: true,
      });
      undo.push(() => phone.close());
      const { person } = phone;
      const { page } = person;
      await page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true });
      await person.join('lan');
      await person.seesMotion('Test participant');
      await person.hears('Test participant');
      expect(await person.activeNetwork()).toBe('wifi');

      await person.switchNetwork('cellular', 'hard');
      await person.click('panel');
      await until(
        'the change is reported',
        () => person.attribute('verdict', 'data-verdict'),
        (verdict) => verdict === 'rebound',
      );
      expect(await person.activeNetwork()).toBe('cellular');
      await person.seesMotion('Test participant');

      // The addresses of everybody are for who has the key.
      const get = (path: string) => page.evaluate(async (p) => (await fetch(p)).status, path);
      for (const path of ['/api/connections', '/api/calls', '/api/links', '/api/events', '/metrics'])
        expect(await get(path), path).toBe(401);

      const dashboard = await person.context.newPage();
      await dashboard.goto(`${ORIGIN}/dashboard`, { waitUntil: 'domcontentloaded' });
      const open = async (key: string) => {
        const input = await dashboard.waitForSelector(testid('operator-key'));
        await input?.evaluate((e) => (e as HTMLInputElement).select());
        await input?.type(key);
        await dashboard.keyboard.press('Enter');
      };
      await open('wrong');
      await dashboard.waitForSelector('.field-error');
      await open(KEY);
      const shown = await dashboard.waitForSelector(`${testid('connection-card')} ${testid('current-path')}`);
      expect(await shown?.evaluate((e) => e.getAttribute('data-network'))).toBe('cellular');
    } finally {
      for (const f of undo.reverse()) await f().catch(() => undefined);
    }
  }, 120_000);
});
