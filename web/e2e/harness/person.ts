// One person at one browser: what they do on the page and what the page shows them. Everything goes through data-testid, as the contract has it.

import type { BrowserContext, Page } from 'puppeteer-core';
import type { SwitchStyle } from '../../src/call/types.ts';
import { pause, until } from './wait.ts';

/** What the page measured of one remote participant, from the attributes of its canvas. */
export interface Seen {
  name: string;
  participant: string;
  frames: number;
  freezes: number;
  frozenMs: number;
  longestGapMs: number;
  framesLost: number;
  level: number;
  concealedMs: number;
  playoutMs: number;
  lipSyncMs: number; // NaN until both run
  width: number;
  codec: string;
  muted: boolean;
  shown: boolean; // the picture, not the initials
}

export type NetworkName = 'wifi' | 'cellular' | (string & {});

export function testid(id: string): string {
  return `[data-testid="${id}"]`;
}

export class Person {
  /** What the page wrote to its console, newest last. */
  readonly console: string[] = [];

  constructor(
    readonly page: Page,
    readonly context: BrowserContext,
    readonly name: string,
    readonly origin: string,
  ) {
    page.on('console', (m) => this.console.push(`${m.type()}: ${m.text()}`));
    page.on('pageerror', (e) => this.console.push(`uncaught: ${String(e)}`));
    page.on('error', (e) => this.console.push(`crashed: ${String(e)}`));
  }

  /** Opens a page of the server. */
  async open(path: string): Promise<void> {
    await this.page.evaluateOnNewDocument(watchSteadiness);
    await this.page.goto(this.origin + path, { waitUntil: 'domcontentloaded' });
  }

  async click(id: string): Promise<void> {
    await this.page.waitForSelector(testid(id), { visible: true });
    await this.page.click(testid(id));
  }

  /** The text of an element, or null if there is none. */
  text(id: string): Promise<string | null> {
    return this.page.evaluate((s) => document.querySelector(s)?.textContent ?? null, testid(id));
  }

  /** An attribute of the first element with the id, or null. */
  attribute(id: string, name: string): Promise<string | null> {
    return this.page.evaluate((s, n) => document.querySelector(s)?.getAttribute(n) ?? null, testid(id), name);
  }

  has(id: string): Promise<boolean> {
    return this.page.evaluate((s) => document.querySelector(s) !== null, testid(id));
  }

  /** Fills in the lobby of a room; the room stands in the address, and so does the key of an encrypted call. */
  async lobby(room: string, { key = '' }: { key?: string } = {}): Promise<void> {
    await this.open(`/call/${encodeURIComponent(room)}${key === '' ? '' : `#key=${key}`}`);
    await this.page.waitForSelector(testid('name'));
    await this.page.type(testid('name'), this.name);
  }

  /** Joins a call through the lobby, with camera and microphone unless `viewer`. */
  async join(
    room: string,
    { viewer = false, key = '' }: { viewer?: boolean; key?: string } = {},
  ): Promise<void> {
    await this.lobby(room, { key });
    const prefilled = await this.page.$eval(testid('room'), (e) => (e as HTMLInputElement).value);
    if (prefilled !== room) throw new Error(`the lobby of ${room} has the room ${prefilled}`);
    await this.enter({ viewer });
  }

  /** Joins from the lobby, with camera and microphone unless `viewer`. */
  async enter({ viewer = false }: { viewer?: boolean } = {}): Promise<void> {
    if (!viewer) {
      await until(
        `${this.name}'s camera and microphone are open`,
        () => this.text('join-hint'),
        (t) => t === 'The others will see and hear you.',
      );
    }
    await this.click('join');
    await this.phase('connected');
  }

  /** Waits until the call page says that it is in this phase. */
  phase(phase: string, withinMs?: number): Promise<string | null> {
    return until(
      `${this.name} is ${phase}`,
      () => this.attribute('phase', 'data-phase'),
      (p) => p === phase,
      withinMs,
    );
  }

  async leave(): Promise<void> {
    await this.click('leave');
    await this.phase('left');
  }

  /** Presses a network's button, after choosing how. */
  async switchNetwork(network: NetworkName, style: SwitchStyle): Promise<void> {
    await this.click(`style-${style}`);
    await this.click(`network-${network}`);
  }

  /** The network that the page shows as active. */
  activeNetwork(): Promise<string | null> {
    return this.page.evaluate(() => {
      const active = document.querySelector('[data-testid^="network-"][data-active="true"]');
      return active?.getAttribute('data-testid')?.slice('network-'.length) ?? null;
    });
  }

  /** What the page shows of everybody else. */
  everybody(): Promise<Seen[]> {
    return this.page.$$eval(testid('remote-video'), (all) =>
      all.map((canvas) => {
        const d = (canvas as HTMLElement).dataset;
        const number = (v: string | undefined) => (v === undefined || v === '' ? Number.NaN : Number(v));
        return {
          name: d.name ?? '',
          participant: d.participant ?? '',
          frames: number(d.frames),
          freezes: number(d.freezes),
          frozenMs: number(d.frozenMs),
          longestGapMs: number(d.longestGapMs),
          framesLost: number(d.framesLost),
          level: number(d.level),
          concealedMs: number(d.concealedMs),
          playoutMs: number(d.playoutMs),
          lipSyncMs: number(d.lipSyncMs),
          width: number(d.width),
          codec: d.codec ?? '',
          muted: d.muted === 'true',
          shown: !canvas.classList.contains('empty'),
        };
      }),
    );
  }

  /** What the page shows of one other, once there is somebody of that name. */
  async sees(name: string): Promise<Seen> {
    const found = await until(
      `${this.name} is shown ${name}`,
      async () => (await this.everybody()).find((s) => s.name === name),
      Boolean,
    );
    if (!found) throw new Error('unreachable');
    return found;
  }

  /** The picture of one other, made small: 16 × 9 pixels as r, g, b. Read from the screen's own canvas, not from counters. */
  pixels(name: string): Promise<number[]> {
    return this.page.evaluate((wanted) => {
      const canvas = [...document.querySelectorAll<HTMLCanvasElement>('[data-testid="remote-video"]')].find(
        (c) => c.dataset.name === wanted,
      );
      if (!canvas || canvas.width === 0) return [];
      const small = document.createElement('canvas');
      small.width = 16;
      small.height = 9;
      const context = small.getContext('2d');
      if (!context) return [];
      context.drawImage(canvas, 0, 0, 16, 9);
      const { data } = context.getImageData(0, 0, 16, 9);
      return [...data].filter((_, i) => i % 4 !== 3);
    }, name);
  }

  /** Waits until frames of one other are rendered and the picture on the screen really changes. */
  async seesMotion(name: string, withinMs?: number): Promise<void> {
    const { frames } = await this.sees(name);
    await until(
      `${this.name} sees new frames of ${name}`,
      () => this.sees(name),
      (s) => s.shown && s.frames >= frames + 5,
      withinMs,
    );
    const picture = await this.pixels(name);
    await until(
      `the picture of ${name} moves on ${this.name}'s screen`,
      () => this.pixels(name),
      (p) => p.length > 0 && p.some((v) => v > 16) && p.some((v, i) => Math.abs(v - (picture[i] ?? v)) > 4),
      withinMs,
    );
  }

  /** Waits until sound of one other is played: what was decoded, not what was made up. */
  async hears(name: string, withinMs?: number): Promise<void> {
    await until(
      `${this.name} hears ${name}`,
      () => this.sees(name),
      (s) => !s.muted && s.level > 0.005,
      withinMs,
    );
    // A level could come from concealment, so most of what is played must have arrived.
    await until(
      `the sound of ${name} is not made up`,
      async () => {
        const before = (await this.sees(name)).concealedMs;
        const at = performance.now();
        await pause(500);
        const { concealedMs } = await this.sees(name);
        return (concealedMs - before) / (performance.now() - at);
      },
      (share) => share < 0.5,
      withinMs,
    );
  }

  /**
   * The longest that the page itself stood still in the last `ms`, because this machine was busy: a timer came that much late. What froze then
   * says nothing about the network.
   */
  stoodStill(ms: number): Promise<number> {
    return this.page.evaluate((span) => {
      const { late } = window as unknown as { late: { at: number; ms: number }[] };
      const now = performance.now();
      return Math.max(
        0,
        now - (late.at(-1)?.at ?? now) - 20,
        ...late.filter((l) => l.at > now - span).map((l) => l.ms),
      );
    }, ms);
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

/** Runs in the page: how late a timer of 20 ms comes, for the last minute. */
function watchSteadiness(): void {
  const late: { at: number; ms: number }[] = [];
  (window as unknown as { late: typeof late }).late = late;
  let due = performance.now() + 20;
  setInterval(() => {
    const at = performance.now();
    late.push({ at, ms: at - due });
    if (late.length > 3_000) late.shift();
    due = at + 20;
  }, 20);
}
