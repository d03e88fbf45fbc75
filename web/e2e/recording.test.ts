// A recording: everybody is told, and the file plays.

import { describe, expect, it } from 'vitest';
import { cannot, type Kind } from './harness/browsers.ts';
import { type Person, testid } from './harness/person.ts';
import { useStage } from './harness/use-stage.ts';
import { pause, until } from './harness/wait.ts';

const stage = useStage();
const SECONDS = 3;

/** What the page gives the person to download, and under which name. */
interface Downloads {
  files: Blob[];
  names: string[];
}

/** Runs in the page: a browser that lets no page write files; what is downloaded stays in the page. */
function keepDownloads(): void {
  Reflect.set(window, 'showSaveFilePicker', undefined);
  const kept: Downloads = { files: [], names: [] };
  Reflect.set(window, 'downloads', kept);
  const create = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (file: Blob) => {
    if (file.type.startsWith('video/')) kept.files.push(file);
    return create(file);
  };
  const click = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = function (this: HTMLAnchorElement) {
    if (this.download) kept.names.push(this.download);
    else click.call(this);
  };
}

/** Runs in the page: the person always chooses the same file, in the page's own file system. */
function chooseFile(): void {
  Reflect.set(window, 'showSaveFilePicker', async (options: { suggestedName: string }) => {
    Reflect.set(window, 'downloads', { files: [], names: [options.suggestedName] });
    const root = await navigator.storage.getDirectory();
    return root.getFileHandle('recording', { create: true });
  });
}

interface Played {
  bytes: number;
  width: number;
  height: number;
  duration: number; // s
  pictures: number[][]; // of different times, 32 × 18 pixels as r, g, b
  loudness: number; // RMS of the sound
  heard: number; // s of sound
}

/** Plays the recording in the page: what was downloaded, or what was written. */
function play(person: Person): Promise<Played> {
  return person.page.evaluate(async () => {
    const { files } = Reflect.get(window, 'downloads') as Downloads;
    const written = async () =>
      (await (await navigator.storage.getDirectory()).getFileHandle('recording')).getFile();
    const file = files[0] ?? (await written());
    const video = document.createElement('video');
    video.muted = true;
    video.src = URL.createObjectURL(file);
    const small = document.createElement('canvas');
    small.width = 32;
    small.height = 18;
    const context = small.getContext('2d', { willReadFrequently: true });
    const pictures: number[][] = [];
    await video.play();
    await new Promise<void>((resolve, reject) => {
      video.onended = () => resolve();
      video.onerror = () => reject(new Error(video.error?.message));
      video.ontimeupdate = () => {
        if (!context) return;
        context.drawImage(video, 0, 0, 32, 18);
        pictures.push([...context.getImageData(0, 0, 32, 18).data].filter((_, i) => i % 4 !== 3));
      };
    });
    const sound = await new OfflineAudioContext(1, 1, 48_000).decodeAudioData(await file.arrayBuffer());
    let sum = 0;
    for (const s of sound.getChannelData(0)) sum += s * s;
    return {
      bytes: file.size,
      width: video.videoWidth,
      height: video.videoHeight,
      duration: video.currentTime,
      pictures,
      loudness: Math.sqrt(sum / sound.length),
      heard: sound.duration,
    };
  });
}

function expectToPlay(p: Played): void {
  expect([p.width, p.height]).toEqual([1280, 720]);
  expect(p.duration).toBeGreaterThan(SECONDS - 1);
  expect(p.duration).toBeLessThan(SECONDS + 20);
  expect(p.heard).toBeGreaterThan(SECONDS - 1);
  expect(p.loudness).toBeGreaterThan(0.002);
  const [first = [], last = []] = [p.pictures.at(0), p.pictures.at(-1)];
  expect(last.filter((v, i) => Math.abs(v - (first[i] ?? v)) > 8).length).toBeGreaterThan(10);
}

/** The chip that says that somebody records. */
const chip = (person: Person, of: string | null) =>
  until(
    `${person.name} is ${of === null ? 'not ' : ''}told that somebody records`,
    () => person.attribute('recording', 'data-participant'),
    (id) => id === of,
  );

for (const kind of ['chromium', 'firefox'] satisfies Kind[]) {
  describe.skipIf(cannot(kind))(`a recording in ${kind}`, () => {
    it('is told to everybody, also to who comes later, and is downloaded', async () => {
      const server = await stage.server('--bot', '1');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.page.evaluateOnNewDocument(keepDownloads);
      await ada.join('recording');
      const bob = await stage.person(kind, server, 'Bob');
      await bob.join('recording', { viewer: true });
      await ada.seesMotion('Test participant');
      await ada.hears('Test participant');
      const { participant } = await bob.sees('Ada');
      expect(await bob.has('recording')).toBe(false);

      await ada.click('record');
      await chip(ada, participant);
      await chip(bob, participant);
      expect(await bob.text('recording')).toBe('Ada is recording');
      await bob.leave();
      await bob.join('recording', { viewer: true });
      await chip(bob, participant);
      await pause(SECONDS * 1_000);
      expect(await ada.text('record')).toMatch(/^0:\d\d$/);
      await ada.click('record');
      await chip(ada, null);
      await chip(bob, null);

      const names = await until(
        'the file is downloaded',
        () => ada.page.evaluate(() => (Reflect.get(window, 'downloads') as Downloads).names),
        (n) => n.length > 0,
      );
      expect(names).toEqual([
        expect.stringMatching(/^Roamcall recording \d{4}-\d\d-\d\d \d\d-\d\d-\d\d\.(webm|mp4)$/),
      ]);
      expectToPlay(await play(ada));
    });
  });
}

describe.skipIf(cannot('chromium'))('a recording to a file', () => {
  it('is written as it grows, and ends with the call', async () => {
    const server = await stage.server('--bot', '1');
    const ada = await stage.person('chromium', server, 'Ada');
    await ada.page.evaluateOnNewDocument(chooseFile);
    await ada.join('file', { viewer: true });
    await ada.seesMotion('Test participant');
    await ada.hears('Test participant');
    await ada.page.keyboard.press('r');
    await ada.page.waitForSelector(testid('recording'));
    await pause(SECONDS * 1_000);
    await ada.leave();
    await until(
      'the page says that it is saved',
      () => ada.text('toasts'),
      (t) => t?.includes('Saved as recording') ?? false,
    );
    expectToPlay(await play(ada));
  });
});
