// Pictures of every screen for people to look at: npm run screens. They land in e2e/out/screens.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import build, { OUT } from './harness/build.ts';
import { connectionOf } from './harness/events.ts';
import { changeNetwork } from './harness/handover.ts';
import { type Person, testid } from './harness/person.ts';
import { Stage } from './harness/stage.ts';
import { pause, until } from './harness/wait.ts';

const WIDTHS: [number, number][] = [
  [390, 844],
  [1280, 800],
  [1920, 1080],
];
const THEMES = ['light', 'dark'] as const;

export async function main(): Promise<void> {
  await build();
  const folder = join(OUT, 'screens');
  await mkdir(folder, { recursive: true });

  /** One screen in every width and theme. */
  const shoot = async (person: Person, name: string) => {
    for (const [width, height] of WIDTHS) {
      await person.page.setViewport({ width, height, deviceScaleFactor: width < 500 ? 2 : 1 });
      for (const theme of THEMES) {
        await person.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
        await pause(500); // transitions
        await person.page.screenshot({
          path: join(folder, `${name}-${width}-${theme}.png`) as `${string}.png`,
        });
      }
    }
    await person.page.setViewport({ width: 1280, height: 800 });
    console.log(name);
  };

  const stage = new Stage();
  try {
    const server = await stage.server('--bot', '0');
    const ada = await stage.person('chromium', server, 'Ada');
    await ada.lobby('studio');
    await until(
      'the preview runs',
      () => ada.text('join-hint'),
      (t) => t === 'The others will see and hear you.',
    );
    await shoot(ada, 'lobby');

    const denied = await stage.person('chromium', server, 'Denied', { allow: false });
    await denied.context.overridePermissions(server.origin, []);
    await denied.lobby('studio');
    await until('the lobby says what is denied', () => denied.has('device-problem'));
    await shoot(denied, 'lobby-denied');
    await denied.close();

    await ada.click('join');
    await ada.phase('connected');
    await shoot(ada, 'call-1');
    const others: Person[] = [];
    for (const [name, people] of [
      ['Grace Hopper', 2],
      ['Edsger', 0],
      ['Barbara Liskov', 4],
    ] as const) {
      const other = await stage.person('chromium', server, name);
      await other.join('studio');
      await ada.seesMotion(name);
      others.push(other);
      if (people > 0) await shoot(ada, `call-${people}`);
    }
    const watcher = await stage.person('chromium', server, 'Watcher');
    await watcher.open('/dashboard');
    await until(
      'the dashboard is live',
      () => watcher.attribute('feed', 'data-state'),
      (s) => s === 'live',
    );
    await watcher.page.waitForSelector(testid('connection-card'));
    await shoot(watcher, 'dashboard');

    await ada.click('panel');
    await ada.page.waitForSelector(testid('connection-id'));
    const { id } = await connectionOf(server.api, 'Ada');
    await changeNetwork(server, ada, id, 'cellular', 'hard');
    await shoot(ada, 'panel-after-handover');
    await shoot(watcher, 'dashboard-after-handover');
    await watcher.open('/dashboard?view=class');
    await watcher.page.waitForSelector(testid('class-tile'));
    await shoot(watcher, 'class');
    await watcher.click('class-tile');
    await shoot(watcher, 'class-spotlight');
    await watcher.open(`/report/${id}`);
    await watcher.page.waitForSelector(testid('report-paper'));
    await shoot(watcher, 'report');
    await ada.switchNetwork('wifi', 'walk');
    await until('the walk has begun', () => ada.has('walk-progress'));
    await shoot(ada, 'panel-walk');

    const [grace] = others;
    await grace?.click('hand');
    await grace?.click('chat');
    for (const text of ['Did anybody see a freeze?', 'The report is at https://example.org/report']) {
      await grace?.page.type(testid('chat-input'), text);
      await grace?.page.keyboard.press('Enter');
    }
    await ada.click('chat');
    await ada.click('hand');
    await ada.page.type(testid('chat-input'), 'Not here.');
    await ada.page.keyboard.press('Enter');
    await until('the chat is there', () => ada.has('chat-message'));
    await shoot(ada, 'chat');

    await ada.leave();
    await shoot(ada, 'left');
  } finally {
    await stage.close();
  }
}
