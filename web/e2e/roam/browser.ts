// Browsers in namespaces of the test bed, and the people at them.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, launch } from 'puppeteer-core';
import { CHROMIUM_FLAGS, FIREFOX_PREFS, fakeCameras, type Kind, WINDOW } from '../harness/browsers.ts';
import { Person } from '../harness/person.ts';
import { type Pulse, startPulse } from '../harness/pulse.ts';
import { type Frames, followFrames } from './frames.ts';

const PROGRAM: Record<Kind, string> = {
  chromium: process.env.CHROMIUM || '/usr/bin/chromium',
  firefox: process.env.FIREFOX || '/usr/bin/firefox-esr',
};

const ROAM_FLAGS = [
  ...CHROMIUM_FLAGS,
  '--ignore-certificate-errors', // of the page; a session pins its certificate
  '--use-fake-ui-for-media-stream',
];

export interface Visitor {
  person: Person;
  /** Null where they cannot be followed. */
  frames: Frames | null;
  close(): Promise<void>;
}

interface VisitorOptions {
  name: string;
  origin: string;
  /** Where the browser runs; this program's own namespace if not given. Only Chromium can be driven from another one, over pipes. */
  namespace?: string;
  camera: boolean;
}

/** Starts a browser of somebody who has not joined yet. */
export async function visit(kind: Kind, options: VisitorOptions): Promise<Visitor> {
  const home = await mkdtemp(join(tmpdir(), 'roamcall-roam-'));
  let pulse: Pulse | null = null;
  let browser: Browser | null = null;
  const close = async () => {
    await browser?.close().catch(() => undefined);
    await pulse?.close();
    await rm(home, { recursive: true, force: true });
  };
  try {
    let executablePath = PROGRAM[kind];
    if (options.namespace) {
      const script = `#!/bin/sh\nexec ip netns exec ${options.namespace} ${executablePath} "$@"\n`;
      executablePath = join(home, 'browser');
      await writeFile(executablePath, script);
      await chmod(executablePath, 0o755);
    }
    if (kind === 'chromium') {
      const args = [...ROAM_FLAGS];
      if (options.camera) args.push(fakeCameras(1, 30));
      browser = await launch({ executablePath, headless: true, args, pipe: true, protocolTimeout: 60_000 });
    } else {
      pulse = await startPulse();
      browser = await launch({
        browser: 'firefox',
        executablePath,
        headless: true,
        acceptInsecureCerts: true,
        extraPrefsFirefox: FIREFOX_PREFS,
        env: { ...process.env, ...pulse.env },
        protocolTimeout: 60_000,
      });
    }
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport(WINDOW);
    const frames = await followFrames(kind, page);
    return { person: new Person(page, context, options.name, options.origin), frames, close };
  } catch (error) {
    await close();
    throw error;
  }
}
