// What the scenes have in common: how they are asked for, and the people in them.

import type { Kind } from '../../harness/browsers.ts';
import type { Person } from '../../harness/person.ts';
import type { Server } from '../../harness/server.ts';
import type { Stage } from '../../harness/stage.ts';
import { until } from '../../harness/wait.ts';
import type { Outcome } from './outcome.ts';
import { captureDelays, readTimeCodes, showTimeCodes } from './page.ts';

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
}

export type Scene = (context: SceneContext) => Promise<Outcome[]>;

/** The size of what machines with few cores send, and of what others do. */
export const SMALL = { width: 640, height: 360 };
export const LARGE = { width: 1280, height: 720 };

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
  size: { width: number; height: number },
): Promise<Publisher> {
  const kind = size === LARGE ? 'chromium' : options.browser;
  const person = await stage.person(kind, server, 'Ada', { fps: 30 });
  const { page } = person;
  await page.setViewport(SMALL);
  if (size === LARGE) {
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
  await showTimeCodes(page, size);
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
): Promise<Person> {
  const person = await stage.person(options.browser, server, 'Bob', {
    cameras: 0,
    prefs: { 'media.navigator.streams.fake': false },
  });
  await person.page.setViewport(SMALL);
  await readTimeCodes(person.page);
  await person.lobby(room);
  await person.enter({ viewer: true });
  return person;
}
