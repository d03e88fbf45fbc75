// The installed browsers, headless, with a camera and a microphone that are made up by the browser itself.

import { existsSync } from 'node:fs';
import { type Browser, launch } from 'puppeteer-core';
import { hasPulse, type Pulse, startPulse } from './pulse.ts';
import { voiceFile } from './voice.ts';

export type Kind = 'chromium' | 'firefox';

/** For the tests of what both can do. */
export const KINDS: Kind[] = ['chromium', 'firefox'];

function first(...candidates: (string | undefined)[]): string | null {
  return candidates.find((c) => c !== undefined && c !== '' && existsSync(c)) ?? null;
}

const PROGRAMS: Record<Kind, string | null> = {
  chromium: first(
    process.env.CHROMIUM,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
  ),
  firefox: first(process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'),
};

function missing(...kinds: Kind[]): string {
  for (const kind of kinds) {
    if (!PROGRAMS[kind]) return `${kind} is not installed`;
    if (kind === 'firefox' && !hasPulse)
      return 'pulseaudio, without which Firefox plays nothing here, is not installed';
  }
  return '';
}

/** Tells whether a test with these browsers cannot run here, and says why; it counts as skipped then. Where E2E_REQUIRE is set it fails instead. */
export function cannot(...kinds: Kind[]): boolean {
  const why = missing(...kinds);
  if (why && process.env.E2E_REQUIRE) throw new Error(why);
  if (why) console.warn(`skipped: ${why}`);
  return why !== '';
}

const SOUND_ALWAYS = '--autoplay-policy=no-user-gesture-required';

export const CHROMIUM_FLAGS = [
  SOUND_ALWAYS,
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Several pages run at once; none is a background tab to be slowed down.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

/** So many made-up cameras with so many frames a second. */
export function fakeCameras(count: number, fps: number): string {
  return `--use-fake-device-for-media-stream=device-count=${count},fps=${fps}`;
}

export const FIREFOX_PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
  'dom.events.testing.asyncClipboard': true, // no question before a page reads the clipboard
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.update.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
};

/**
 * Where calls are measured the window is small: without a graphics processor, to draw a large one costs as much as the call itself, and two cores have
 * to carry two of them.
 */
export const WINDOW = { width: 960, height: 600 };

export interface Launched {
  browser: Browser;
  close(): Promise<void>;
}

export interface LaunchOptions {
  /** Chromium: how many made-up cameras; 0 for none, and then no microphone either. */
  cameras?: number;
  /** Chromium: frames a second of these; 20, since two cores carry two browsers. */
  fps?: number;
  /** Chromium: false asks a person for permission, who is not there; see Person for how a permission is denied. */
  allow?: boolean;
  /** True: sound needs a gesture of the person first, as on people's machines. */
  refuseSound?: boolean;
  /** Chromium: the made-up microphone picks up somebody who does not stop speaking. Firefox's always does; Chromium's beeps once a second. */
  voice?: boolean;
  /** Chromium: what is shared is a tab with its sound, and not a screen. */
  tab?: boolean;
  prefs?: Record<string, boolean | number | string>;
  headless?: boolean;
}

export async function launchBrowser(kind: Kind, options: LaunchOptions = {}): Promise<Launched> {
  const executablePath = PROGRAMS[kind];
  if (!executablePath) throw new Error(missing(kind));
  const { cameras = 1, fps = 20, allow = true, refuseSound = false } = options;
  if (kind === 'chromium') {
    const args = CHROMIUM_FLAGS.filter((f) => f !== SOUND_ALWAYS || !refuseSound);
    if (cameras > 0)
      args.push(fakeCameras(cameras, fps) + (options.tab ? ',display-media-type=browser' : ''));
    if (options.voice) args.push(`--use-file-for-fake-audio-capture=${await voiceFile()}`);
    if (allow) args.push('--use-fake-ui-for-media-stream');
    const browser = await launch({ executablePath, headless: true, args, protocolTimeout: 60_000 });
    return { browser, close: () => browser.close() };
  }
  const pulse: Pulse = await startPulse();
  try {
    const browser = await launch({
      browser: 'firefox',
      executablePath,
      headless: true,
      extraPrefsFirefox: {
        ...FIREFOX_PREFS,
        ...(refuseSound ? { 'media.autoplay.default': 1 } : {}),
        ...options.prefs,
      },
      env: { ...process.env, ...pulse.env },
      protocolTimeout: 60_000,
    });
    return {
      browser,
      async close() {
        await browser.close();
        await pulse.close();
      },
    };
  } catch (error) {
    await pulse.close();
    throw error;
  }
}
