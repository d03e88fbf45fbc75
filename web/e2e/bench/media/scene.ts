// What the scenes have in common: how they are asked for, and the people in them.

import type { Kind } from '../../harness/browsers.ts';
import type { Person } from '../../harness/person.ts';
import type { Server } from '../../harness/server.ts';
import type { Stage } from '../../harness/stage.ts';
import { until } from '../../harness/wait.ts';
import type { Outcome } from './outcome.ts';
import { captureDelays, type Picture, readTimeCodes, showTimeCodes } from './page.ts';

export interface Options {
  browser: Kind;
  /** How often what is over in seconds is done again. */
  runs: number;
  /** How often the rate is changed and changed back. */
  changes: number;
  /** How long each condition is measured, s. */
  seconds: number;
}

export interface SceneContext {
  stage: Stage;
  options: Options;
  progress(text: string): void;
  /** Takes what was measured, each part as soon as it is. */
  done(outcome: Outcome): void;
}

export type Scene = (context: SceneContext) => Promise<void>;

/** What machines with few cores send. */
export const SMALL: Picture = { width: 640, height: 360, fps: 30, specks: 0 };

/**
 * Of what others send, as much as two cores can. So much is new in every frame that the encoder cannot make it in this size with the bits that it is given, and the
 * picture gets smaller until it can: then it uses all of them, more than 1 Mbit/s with the small encoding and the sound.
 */
export const LARGE: Picture = { width: 960, height: 540, fps: 30, specks: 150 };

/** A small window: to draw more costs what the call needs. */
export const SMALL_WINDOW = { width: 640, height: 360 };
/** In which a picture is so large that its large encoding is sent. */
const WINDOW = { width: 1000, height: 640 };

/** The page sends large pictures from three cores on. */
const CORES = 4;

export interface Publisher {
  person: Person;
  /** From drawing a frame to capturing it, ms, a sample of the method's own delay. */
  capture: number[];
}

/** Somebody with a camera that shows the time, in the call. Large pictures are for Chromium: it can be told that this machine has more cores. */
export async function publisher(
  { stage, options }: SceneContext,
  server: Server,
  room: string,
  picture: Picture,
): Promise<Publisher> {
  const kind = picture === LARGE ? 'chromium' : options.browser;
  const person = await stage.person(kind, server, 'Ada', { fps: 30 });
  const { page } = person;
  await page.setViewport(SMALL_WINDOW);
  if (picture === LARGE) {
    await page.evaluateOnNewDocument(
      `Object.defineProperty(navigator, 'hardwareConcurrency', { value: ${CORES} })`,
    );
    page.on('workercreated', (worker) => {
      // It is asked before it starts: a worker waits for whoever debugs it.
      worker.client
        .send('Emulation.setHardwareConcurrencyOverride', { hardwareConcurrency: CORES })
        .catch(() => undefined); // the picture's width will tell
    });
  }
  await showTimeCodes(page, picture);
  await person.lobby(room);
  await until(
    'the camera is open',
    () => person.text('join-hint'),
    (t) => t === 'The others will see and hear you.',
  );
  const capture = await captureDelays(page, 60);
  await person.enter();
  return { person, capture };
}

/** Somebody who only watches, at a page that reads the time in what it sees. */
export async function viewer(
  { stage, options }: SceneContext,
  server: Server,
  room: string,
  window = WINDOW,
): Promise<Person> {
  const person = await stage.person(options.browser, server, 'Bob', {
    cameras: 0,
    prefs: { 'media.navigator.streams.fake': false },
  });
  await person.page.setViewport(window);
  await readTimeCodes(person.page);
  await person.lobby(room);
  await person.enter({ viewer: true });
  return person;
}
