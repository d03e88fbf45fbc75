// What people expect of a call besides seeing and hearing: devices, hints, windows and screens of one's own, keys. Sound is refused until somebody presses
// something, as on people's machines.

import { describe, expect, it } from 'vitest';
import { cannot, KINDS, type Kind, type LaunchOptions } from './harness/browsers.ts';
import { giveScreen } from './harness/drawn-screen.ts';
import { type Person, testid } from './harness/person.ts';
import { useStage } from './harness/use-stage.ts';
import { until } from './harness/wait.ts';

const stage = useStage();

const PEOPLE: LaunchOptions = { refuseSound: true, voice: true, tab: true };

const BOT = 'Test participant';

/** What the page's scripts are watched by; see watch. */
interface Watched {
  contexts: (AudioContext & { sinkId?: string })[];
  microphones: MediaStreamTrack[];
  outputs: AnalyserNode[]; // of what is plugged into the loudspeaker
}

/** Runs in the page before its scripts: keeps audio contexts and microphones, and measures what is played. */
function watch(): void {
  if (!navigator.mediaDevices) return;
  const w: Watched = { contexts: [], microphones: [], outputs: [] };
  Object.assign(window, { watched: w });
  const plug = Function.prototype.call.bind(AudioNode.prototype.connect) as (...of: unknown[]) => unknown;
  AudioNode.prototype.connect = function (this: AudioNode, to: AudioNode, ...rest: number[]) {
    if (to instanceof AudioDestinationNode) {
      w.contexts.push(this.context as AudioContext);
      const analyser = new AnalyserNode(this.context, { fftSize: 2048 });
      plug(this, analyser);
      w.outputs.push(analyser);
    }
    return plug(this, to, ...rest);
  } as typeof AudioNode.prototype.connect;
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    w.microphones.push(...stream.getAudioTracks());
    return stream;
  };
}

/**
 * How loud what the page plays is, as the root of the mean square: the loudest of what is plugged into the loudspeaker. In Firefox that is the microphone's worklet,
 * too, which is silent.
 */
function played(person: Person): Promise<number> {
  return person.page.evaluate(() => {
    const { outputs } = (window as unknown as { watched: Watched }).watched;
    const loudness = outputs.map((analyser) => {
      const samples = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(samples);
      return Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
    });
    return Math.max(0, ...loudness);
  });
}

/** Whether the open microphone suppresses noise; in Firefox, whose made-up microphone processes nothing, whether that is asked of it. */
function suppresses(kind: Kind, person: Person): Promise<ConstrainBoolean | undefined> {
  return person.page.evaluate((asked) => {
    const { microphones } = (window as unknown as { watched: Watched }).watched;
    const open = microphones.findLast((t) => t.readyState === 'live');
    return (asked ? open?.getConstraints() : open?.getSettings())?.noiseSuppression;
  }, kind === 'firefox');
}

/** What a list offers: the values and which one is chosen. */
function offered(person: Person, id: string): Promise<{ values: string[]; chosen: string }> {
  return person.page.$eval(testid(id), (e) => {
    const select = e as HTMLSelectElement;
    return { values: [...select.options].map((o) => o.value).filter(Boolean), chosen: select.value };
  });
}

const pressed = (person: Person, id: string, is: boolean) =>
  until(
    `${id} is ${is ? 'on' : 'off'}`,
    () => person.attribute(id, 'aria-pressed'),
    (p) => p === String(is),
  );

for (const kind of KINDS) {
  describe.skipIf(cannot(kind))(`a call in ${kind}`, () => {
    it('devices and switches are chosen in a call, who speaks muted is told, and a reload keeps it all', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada Lovelace', PEOPLE);
      await ada.page.evaluateOnNewDocument(watch);
      await ada.join('devices');
      await ada.click('devices');
      await ada.page.waitForSelector(testid('noise-suppression'));
      expect(await suppresses(kind, ada)).toBe(true);
      await ada.click('noise-suppression');
      await until(
        'the microphone leaves noise as it is',
        () => suppresses(kind, ada),
        (on) => on === false,
      );

      const microphones = await until(
        'microphones are offered',
        () => offered(ada, 'call-mic'),
        (o) => o.values.length > 0 && o.chosen !== '',
      );
      const microphone = microphones.values.at(-1) ?? '';
      if (microphone !== microphones.chosen) {
        await ada.page.select(testid('call-mic'), microphone);
        await until('another microphone is open', async () => {
          const { chosen } = await offered(ada, 'call-mic');
          return chosen === microphone;
        });
        await until(
          'it leaves noise as it is, too',
          () => suppresses(kind, ada),
          (on) => on === false,
        );
      }

      if (kind === 'chromium') {
        const speakers = await offered(ada, 'call-speaker');
        const speaker = speakers.values.at(-1) ?? '';
        expect(speaker).not.toBe(speakers.chosen);
        await ada.page.select(testid('call-speaker'), speaker);
        await until(
          'the sound goes to the other speaker',
          () =>
            ada.page.evaluate(() =>
              (window as unknown as { watched: Watched }).watched.contexts.map((c) => c.sinkId),
            ),
          (sinks) => sinks.includes(speaker),
        );
      } else {
        // Firefox has no AudioContext.setSinkId: the choice is the system's, and none is shown.
        expect(await ada.has('call-speaker')).toBe(false);
      }
      await ada.page.keyboard.press('Escape');
      await until('the dialog is closed', async () => !(await ada.has('devices-dialog')));

      await ada.page.keyboard.press('m');
      await pressed(ada, 'mic', false);
      await until(
        'Ada is told that nobody hears her',
        () => ada.text('toasts'),
        (t) => /You are muted/.test(t ?? ''),
      );

      await ada.page.reload({ waitUntil: 'domcontentloaded' });
      await ada.page.waitForSelector(testid('name'));
      expect(await ada.page.$eval(testid('name'), (e) => (e as HTMLInputElement).value)).toBe('Ada Lovelace');
      await until(
        'the lobby has the microphone that was chosen',
        () => offered(ada, 'mic-device'),
        (o) => o.chosen === microphone,
      );
      await until(
        'which leaves noise as it is',
        () => suppresses(kind, ada),
        (on) => on === false,
      );
    });

    it('a picture gets a window of its own and the full screen, and keys do what the help says', async () => {
      const server = await stage.server('--bot', '1');
      const ada = await stage.person(kind, server, 'Ada', PEOPLE);
      await ada.join('keys');
      await ada.seesMotion(BOT);

      const full = () => ada.page.evaluate(() => document.fullscreenElement?.tagName ?? '');
      await ada.click('full-screen');
      await until('the tile is on the full screen', full, (tag) => tag === 'ARTICLE');
      await ada.click('full-screen');
      await until('it is not any more', full, (tag) => tag === '');
      await ada.page.keyboard.press('f');
      await until('the page is on the full screen', full, (tag) => tag === 'HTML');
      await ada.page.keyboard.press('f');
      await until('it is not any more', full, (tag) => tag === '');

      const window_ = () =>
        ada.page.evaluate(
          () => (document.pictureInPictureElement as HTMLVideoElement | null)?.videoWidth ?? 0,
        );
      expect(await ada.has('pip')).toBe(
        await ada.page.evaluate(() => document.pictureInPictureEnabled === true),
      );
      if (await ada.has('pip')) {
        await ada.click('pip');
        await until('the picture has its own window', window_, (width) => width > 0);
        await ada.click('pip');
        await until('the window is closed', window_, (width) => width === 0);
      }

      await ada.page.keyboard.press('?');
      await until(
        'the keys are listed',
        () => ada.text('help'),
        (t) => /Full screen/.test(t ?? ''),
      );
      await ada.page.keyboard.press('m');
      await ada.page.keyboard.press('Escape');
      await until('the list is closed', async () => !(await ada.has('help')));
      expect(await ada.attribute('mic', 'aria-pressed'), 'no key reaches the call through a dialog').toBe(
        'true',
      );
      for (const [key, id, off] of [
        ['m', 'mic', 'true'],
        ['v', 'camera', 'true'],
        ['p', 'panel', 'false'],
        ['t', 'chat', 'false'],
      ] as const) {
        expect(await ada.attribute(id, 'aria-pressed')).toBe(off);
        await ada.page.keyboard.press(key);
        await pressed(ada, id, off === 'false');
        if (key === 't') await ada.page.keyboard.press('Escape');
        else await ada.page.keyboard.press(key);
        await pressed(ada, id, off === 'true');
      }
    });

    it('sound that the browser refuses is turned on with a button, and then who speaks is said', async () => {
      const server = await stage.server('--bot', '1');
      const eve = await stage.person(kind, server, 'Eve', PEOPLE);
      await eve.page.evaluateOnNewDocument(watch);
      // The page joins by itself: what puppeteer does counts as a gesture, and even its questions do.
      await eve.page.evaluateOnNewDocument(
        (join, unblock) => {
          for (const key of ['mic-off', 'camera-off', 'say-who'])
            localStorage.setItem(`roamcall.${key}`, '1');
          localStorage.setItem('roamcall.name', 'Eve');
          let joined = false;
          const timer = setInterval(() => {
            const button = document.querySelector<HTMLButtonElement>(join);
            if (!joined && button && !button.disabled) {
              joined = true;
              button.click();
            }
            if (!document.querySelector(unblock)) return;
            clearInterval(timer);
            console.log('the sound is refused');
          }, 200);
        },
        testid('join'),
        testid('unblock-audio'),
      );
      await eve.open('/call/refused');
      await until('the sound is refused', () => eve.console.some((l) => l.endsWith('the sound is refused')));
      expect(await eve.text('unblock-audio')).toBe('Turn the sound on');
      await eve.click('unblock-audio');
      await until(
        'Eve hears',
        () => played(eve),
        (loudness) => loudness > 0.003,
      );
      await until('the button is gone', async () => !(await eve.has('unblock-audio')));
      await until(
        'a screen reader says who speaks',
        () => eve.page.$eval('[role="status"][aria-live]', (e) => e.textContent),
        (t) => new RegExp(`${BOT} speaks`).test(t ?? ''),
      );
    });

    it('what is shared is heard as well, where the browser gives its sound', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada', PEOPLE);
      const bob = await stage.person(kind, server, 'Bob', PEOPLE);
      await giveScreen(kind, ada);
      await ada.join('tab', { viewer: true });
      await bob.page.evaluateOnNewDocument(watch);
      await bob.join('tab', { viewer: true });
      if ((await ada.attribute('mic', 'aria-pressed')) === 'true') await ada.click('mic');
      await pressed(ada, 'mic', false);
      await ada.click('share');
      await until(
        'Bob sees what Ada shares',
        async () => Number(await bob.attribute('remote-screen', 'data-frames')),
        (frames) => frames > 0,
      );
      const tracks = async () => {
        const calls =
          await server.get<{ participants: { tracks: { source: string; kind: string }[] }[] }[]>(
            '/api/calls',
          );
        return calls
          .flatMap((c) => c.participants.flatMap((p) => p.tracks))
          .filter((t) => t.source === 'screen');
      };
      if (kind === 'chromium') {
        await until(
          'Bob hears it',
          () => played(bob),
          (loudness) => loudness > 0.003,
        );
        expect((await tracks()).map((t) => t.kind).sort()).toEqual(['audio', 'video']);
      } else {
        // Firefox shares pictures only; nothing is published that would stay silent.
        expect((await tracks()).map((t) => t.kind)).toEqual(['video']);
      }
    });
  });
}
