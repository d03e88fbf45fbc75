// A call between people: what one does, the other sees.

import { describe, expect, it } from 'vitest';
import { cannot, type LaunchOptions } from './harness/browsers.ts';
import { connectionOf } from './harness/events.ts';
import { type Person, testid } from './harness/person.ts';
import type { Server } from './harness/server.ts';
import { useStage } from './harness/use-stage.ts';
import { pause, until } from './harness/wait.ts';

const stage = useStage();

/** How long a camera is off in a test. */
const OFF_MS = 1_500;

const TWO_CAMERAS: LaunchOptions = { cameras: 2 };

const BOT = 'Test participant';

async function two(server: Server, room: string): Promise<[Person, Person]> {
  const ada = await stage.person('chromium', server, 'Ada', TWO_CAMERAS);
  const bob = await stage.person('chromium', server, 'Bob', TWO_CAMERAS);
  await ada.join(room);
  await bob.join(room);
  await ada.seesMotion('Bob');
  await bob.seesMotion('Ada');
  return [ada, bob];
}

describe.skipIf(cannot('chromium'))('in a call', () => {
  it('a mute and a camera that is off are shown to the other, and their end too', async () => {
    const server = await stage.server('--bot', '0');
    const [ada, bob] = await two(server, 'mute');
    await bob.hears('Ada');

    await ada.click('mic');
    await until(
      'Bob is shown that Ada is muted',
      () => bob.sees('Ada'),
      (s) => s.muted,
    );
    await until(
      'Bob hears nothing of Ada',
      () => bob.sees('Ada'),
      (s) => s.level < 0.005,
    );
    expect(await ada.attribute('mic', 'aria-pressed')).toBe('false');
    await ada.click('mic');
    await until(
      'Bob is shown that Ada is not muted',
      () => bob.sees('Ada'),
      (s) => !s.muted,
    );
    await bob.hears('Ada');

    const before = await bob.sees('Ada');
    await ada.click('camera');
    await until(
      'Bob is shown no picture of Ada',
      () => bob.sees('Ada'),
      (s) => !s.shown,
    );
    await bob.hears('Ada'); // sound goes on without the picture
    await pause(OFF_MS);
    await ada.click('camera');
    await bob.seesMotion('Ada');
    const { frozenMs } = await bob.sees('Ada');
    expect(frozenMs - before.frozenMs, 'a camera that was off on purpose is no freeze').toBeLessThan(OFF_MS);
  });

  it('who leaves is gone at once, and comes back with Rejoin', async () => {
    const server = await stage.server('--bot', '0');
    const [ada, bob] = await two(server, 'leave');
    await ada.leave();
    await until(
      'Ada is gone from the screen of Bob',
      () => bob.everybody(),
      (all) => all.length === 0,
      3_000,
    );
    await ada.click('rejoin');
    await ada.phase('connected');
    await bob.seesMotion('Ada');
    await ada.seesMotion('Bob');
  });

  it('who goes to another page is gone without a wait', async () => {
    const server = await stage.server('--bot', '0');
    const [ada, bob] = await two(server, 'close');
    await ada.page.goto('about:blank');
    // Well before the half minute for which somebody who vanished is waited for.
    await until(
      'Ada is gone from the screen of Bob',
      () => bob.everybody(),
      (all) => all.length === 0,
      5_000,
    );
  });

  it('a late joiner sees and hears at once', async () => {
    // The test participant is the third: two cores carry two browsers.
    const server = await stage.server('--bot', '1');
    const ada = await stage.person('chromium', server, 'Ada', TWO_CAMERAS);
    await ada.join('late');
    await ada.seesMotion(BOT);
    const eve = await stage.person('chromium', server, 'Eve', TWO_CAMERAS);
    await eve.join('late');
    // Without the cached group the picture would begin with the next key frame.
    for (const name of ['Ada', BOT]) {
      await until(
        `Eve sees ${name}`,
        () => eve.sees(name),
        (s) => s.shown && s.frames > 0,
        2_000,
      );
    }
    await eve.seesMotion('Ada');
    await eve.hears(BOT);
    await ada.seesMotion('Eve');
  });

  it('another camera can be chosen, and the others go on seeing', async () => {
    const server = await stage.server('--bot', '0');
    const [ada, bob] = await two(server, 'device');
    const label = () =>
      ada.page.$eval(
        testid('self-view'),
        (v) => ((v as HTMLVideoElement).srcObject as MediaStream | null)?.getVideoTracks()[0]?.label ?? '',
      );
    const first = await label();
    await ada.click('devices');
    const cameras = await until(
      'both cameras are offered',
      () =>
        ada.page.$$eval(`${testid('call-camera')} option`, (all) =>
          (all as HTMLOptionElement[]).map((o) => ({
            id: o.value,
            label: o.textContent,
            chosen: o.selected,
          })),
        ),
      (all) => all.filter((c) => c.id !== '').length === 2,
    );
    expect(cameras.find((c) => c.chosen)?.label, 'the camera in use is the one shown as chosen').toBe(first);
    const other = cameras.find((c) => c.id !== '' && c.label !== first);
    await ada.page.select(testid('call-camera'), other?.id ?? '');
    await until('the camera is the other one', label, (l) => l !== '' && l !== first);
    await bob.seesMotion('Ada');
    await bob.hears('Ada');
  });

  it('the link can be copied', async () => {
    const server = await stage.server('--bot', '0');
    const ada = await stage.person('chromium', server, 'Ada');
    await ada.context.overridePermissions(server.origin, [
      'camera',
      'microphone',
      'clipboard-read',
      'clipboard-sanitized-write',
    ]);
    await ada.join('copy');
    await ada.click('copy-link');
    const text = await until(
      'the link is on the clipboard',
      () => ada.page.evaluate(() => navigator.clipboard.readText()),
      (t) => t !== '',
    );
    expect(text).toBe(`${server.origin}/call/copy`); // this server has no address that others could reach
    await until(
      'and the page says so',
      () => ada.text('toasts'),
      (t) => /this machine only/.test(t ?? ''),
    );
  });
});

describe.skipIf(cannot('chromium'))('when something is wrong', () => {
  it('a denied permission is said, and joining as a viewer works', async () => {
    const server = await stage.server('--bot', '1');
    const ada = await stage.person('chromium', server, 'Ada', { allow: false });
    await ada.context.overridePermissions(server.origin, []); // none, so all are denied
    await ada.lobby('denied');
    await until(
      'the lobby says what is denied',
      () => ada.attribute('device-problem', 'data-code'),
      (c) => c === 'denied',
    );
    expect(await ada.text('device-problem')).toMatch(/may not use your camera and microphone/);
    await until(
      'the lobby says what that means',
      () => ada.text('join-hint'),
      (t) => /viewer/.test(t ?? ''),
    );
    await ada.click('join');
    await ada.phase('connected');
    const [bot] = await until(
      'the test participant is there',
      () => ada.everybody(),
      (all) => all.length === 1,
    );
    await ada.seesMotion(bot?.name ?? '');
    await ada.hears(bot?.name ?? '');
    // A viewer who sends no media still sends reports, so a change of network is noticed and costs nothing.
    const { id } = await connectionOf(server.api, 'Ada');
    await ada.switchNetwork('cellular', 'hard');
    const report = await server.events.next(
      'the change is reported',
      (e) => e.connection === id && e.type === 'handover_report',
    );
    expect(report.report?.verdict).toBe('rebound');
    expect(report.report?.up.measured, 'nobody could see or hear a viewer').toBe(false);
    await ada.seesMotion(bot?.name ?? '');
  });

  it('a machine without camera and microphone is said, and joining works', async () => {
    const server = await stage.server('--bot', '1');
    const ada = await stage.person('chromium', server, 'Ada', { cameras: 0 });
    await ada.lobby('nodevice');
    await until(
      'the lobby says that there is none',
      () => ada.attribute('device-problem', 'data-code'),
      (c) => c === 'missing',
    );
    await ada.click('join');
    await ada.phase('connected');
    const [bot] = await until(
      'the test participant is there',
      () => ada.everybody(),
      (all) => all.length === 1,
    );
    await ada.seesMotion(bot?.name ?? '');
  });

  it('a full room is said, and when there is room again joining works', async () => {
    const server = await stage.server('--bot', '1', '--max-participants', '1');
    const ada = await stage.person('chromium', server, 'Ada');
    await ada.join('full');
    const bob = await stage.person('chromium', server, 'Bob');
    await bob.lobby('full');
    await bob.click('join');
    await until(
      'Bob is refused',
      () => bob.attribute('failure', 'data-code'),
      (c) => c === 'room-full',
    );
    expect(await bob.text('failure')).toMatch(/full/);
    expect(await ada.attribute('phase', 'data-phase')).toBe('connected');
    await ada.leave();
    await bob.click('try-again');
    await bob.phase('connected');
  });

  it('a server that stops and starts again is waited for, and the page says so', async () => {
    const server = await stage.server('--bot', '0');
    const [ada, bob] = await two(server, 'restart');
    await server.stop();
    await Promise.all([ada.phase('reconnecting'), bob.phase('reconnecting')]);
    await stage.again(server);
    await Promise.all([ada.phase('connected', 30_000), bob.phase('connected', 30_000)]);
    await ada.seesMotion('Bob');
    await bob.seesMotion('Ada');
    await ada.hears('Bob');
  });

  it('a name for a room that cannot be is explained and not sent', async () => {
    const server = await stage.server('--bot', '0');
    const ada = await stage.person('chromium', server, 'Ada');
    await ada.open('/');
    await ada.page.waitForSelector(testid('name'));
    await ada.page.type(testid('name'), 'Ada');
    await ada.page.$eval(testid('room'), (e) => {
      (e as HTMLInputElement).value = '';
    });
    await ada.page.type(testid('room'), 'Room of Ada!');
    await until(
      'the error is shown',
      () => ada.page.$eval('#room-error', (e) => e.textContent),
      (t) => /cannot have/.test(t ?? ''),
    );
    await ada.click('join');
    expect(await ada.has('phase')).toBe(false);
    expect(new URL(ada.page.url()).pathname).toBe('/');
    expect(await server.get<unknown[]>('/api/calls')).toEqual([]);
  });

  it('without the lab the page says how to change network for real', async () => {
    const server = await stage.server('--no-lab', '--bot', '1');
    const ada = await stage.person('chromium', server, 'Ada');
    await ada.join('nolab');
    expect(await ada.has('network-wifi')).toBe(false);
    expect(await ada.page.$eval('.networks', (e) => e.textContent)).toMatch(/for real/);
    const [bot] = await until(
      'the test participant is there',
      () => ada.everybody(),
      (all) => all.length === 1,
    );
    await ada.seesMotion(bot?.name ?? '');
  });
});
