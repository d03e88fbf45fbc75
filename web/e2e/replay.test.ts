// A recording shows what the live dashboard had, event for event, and needs no server once it is loaded.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PathEventData, RecordingHeader, RecordingLine } from '../src/protocol/messages.gen.ts';
import { seriousFindings } from './harness/axe.ts';
import { cannot, type Kind } from './harness/browsers.ts';
import { connectionOf } from './harness/events.ts';
import { changeNetwork } from './harness/handover.ts';
import { type Person, testid } from './harness/person.ts';
import type { Server } from './harness/server.ts';
import { useStage } from './harness/use-stage.ts';
import { pause, until } from './harness/wait.ts';

const stage = useStage();
let files = 0; // made in it: a test that is tried again writes another
const folder = await mkdtemp(join(tmpdir(), 'roamcall-replay-'));
afterAll(() => rm(folder, { recursive: true }));

/** The rows of the event log, as they are shown. */
function rows(watcher: Person) {
  return watcher.page.$$eval(`${testid('event-log')} ${testid('event')}`, (all) =>
    all.map((e) => {
      const d = (e as HTMLElement).dataset;
      return {
        id: Number(d.id),
        type: d.type,
        connection: d.connection,
        challenge: d.challenge,
        path: d.path,
        verdict: d.verdict,
        time: e.querySelector('time')?.textContent,
        title: e.querySelector('.d-event-title')?.textContent,
      };
    }),
  );
}

/** The cards of the connections, without how long ago things were. */
function cards(watcher: Person) {
  return watcher.page.$$eval(testid('connection-card'), (all) =>
    all
      .map((card) => {
        const part = (id: string) => card.querySelector(`[data-testid="${id}"]`);
        const d = (card as HTMLElement).dataset;
        return {
          connection: d.connection,
          state: d.state,
          participant: d.participant,
          name: card.querySelector('.d-card-name')?.textContent,
          path: part('current-path')?.textContent,
          network: part('current-path')?.getAttribute('data-network'),
          verdict: part('verdict')?.getAttribute('data-verdict'),
          id: part('connection-id')?.getAttribute('data-connection-id'),
        };
      })
      .sort((a, b) => ((a.connection ?? '') < (b.connection ?? '') ? -1 : 1)),
  );
}

async function mark(server: Server, text: string): Promise<PathEventData> {
  const response = await fetch(`${server.api}/api/marks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  expect(response.status).toBe(201);
  return (await response.json()) as PathEventData;
}

const state = (watcher: Person, id: string, name: string) => watcher.attribute(id, name);
const isRecorded = (watcher: Person) =>
  until(
    'a recording is shown',
    () => state(watcher, 'feed', 'data-state'),
    (s) => s === 'recorded',
  );

/** Light or dark, as the button on the page does it. */
async function paint(watcher: Person, theme: string): Promise<void> {
  await watcher.page.evaluate((t) => {
    document.documentElement.dataset.theme = t;
  }, theme);
  await pause(400); // transitions
}

/** Presses the button of the dashboard, and returns the file that a person would get. */
async function saveRecording(watcher: Person): Promise<string> {
  await watcher.page.evaluate(() => {
    const make = URL.createObjectURL.bind(URL);
    URL.createObjectURL = (blob: Blob) => {
      (window as unknown as { saved: Blob }).saved = blob;
      return make(blob);
    };
  });
  await watcher.click('save-recording');
  return watcher.page.evaluate(() => (window as unknown as { saved: Blob }).saved.text());
}

async function openFile(watcher: Person, file: string): Promise<void> {
  const input = await watcher.page.$(`input${testid('replay-file')}`);
  if (!input) throw new Error('there is nowhere to give a file');
  await (input as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(file);
}

/** What the page asks of any server from now on; a font within a style is not that. */
function requests(watcher: Person): string[] {
  const asked: string[] = [];
  watcher.page.on('request', (r) => {
    if (r.url().startsWith('http')) asked.push(r.url());
  });
  return asked;
}

/** Goes to either end of the recording, as a person does with the keyboard. */
async function press(watcher: Person, key: 'Home' | 'End'): Promise<void> {
  await watcher.page.focus(testid('replay-scrub'));
  await watcher.page.keyboard.press(key);
}

describe.each<Kind>(['chromium', 'firefox'])('a recording in %s', (kind) => {
  it.skipIf(cannot(kind))('shows again what the live dashboard showed', async () => {
    const file = join(folder, `${kind}-${++files}.jsonl`);
    const server = await stage.server('--bot', '1', '--record', file);
    const watcher = await stage.person(kind, server, 'Watcher');
    await watcher.open('/dashboard');
    await until(
      'the dashboard is live',
      () => state(watcher, 'feed', 'data-state'),
      (s) => s === 'live',
    );
    const ada = await stage.person(kind, server, 'Ada');
    await ada.join('replayed', { viewer: true });
    await ada.seesMotion('Test participant');
    const { id } = await connectionOf(server.api, 'Ada');
    const marked = await mark(server, 'Now the Wi-Fi goes');
    await changeNetwork(server, ada, id, 'cellular', 'hard');
    await ada.leave();
    await server.events.next(
      'the connection closes',
      (e) => e.connection === id && e.type === 'connection_closed',
    );
    // Firefox sometimes opens two, and the one without a session ends some seconds later.
    const ends = (type: string) => server.events.all.filter((e) => e.type === type).map((e) => e.connection);
    await until(
      'all connections are closed',
      () => ends('connection_closed'),
      (closed) => ends('connection_started').every((c) => closed.includes(c)),
    );
    const told = server.events.all.map((e) => e.id);
    const live = await until(
      'the live dashboard shows all that was told',
      () => rows(watcher),
      (all) => told.every((n) => all.some((r) => r.id === n)),
    );
    const shown = await until(
      'the live cards say that it is closed',
      () => cards(watcher),
      (all) => all.length > 0 && all.every((c) => c.state === 'closed'),
    );
    expect(live.find((r) => r.id === marked.id)?.title).toBe('Marked: Now the Wi-Fi goes');
    const saved = join(folder, `${kind}-saved-${++files}.jsonl`);
    await writeFile(saved, await saveRecording(watcher));

    // The file has what the hub published, in its order.
    const [first, ...lines] = (await readFile(file, 'utf8')).trim().split('\n');
    expect((JSON.parse(first ?? '') as RecordingHeader).redacted).toBe(false);
    const written = lines.flatMap((l) => (JSON.parse(l) as RecordingLine).event ?? []);
    expect(written).toEqual(server.events.all);

    await watcher.open('/replay');
    await watcher.page.waitForSelector(testid('replay-sample'));
    await openFile(watcher, file);
    await isRecorded(watcher);
    const asked = requests(watcher);
    await press(watcher, 'End');
    const again = await until(
      'the replay shows all events',
      () => rows(watcher),
      (all) => all.length >= live.length,
    );
    expect(again).toEqual(live);
    expect(await cards(watcher)).toEqual(shown);
    expect(await watcher.text('replay-mark')).toContain('Now the Wi-Fi goes');
    expect(await watcher.has('qlog')).toBe(false);
    expect(await watcher.has('network-wifi')).toBe(false);

    // What the dashboard itself saved shows the same.
    await openFile(watcher, saved);
    await until(
      'the other recording is shown from its beginning',
      () => rows(watcher),
      (all) => all.length < live.length,
    );
    await press(watcher, 'End');
    await until(
      'it shows the same events',
      () => rows(watcher),
      (all) => JSON.stringify(all) === JSON.stringify(live),
    );
    expect(await cards(watcher)).toEqual(shown);

    // Back to the beginning, and event by event to the end: each press is one more.
    await press(watcher, 'Home');
    await until(
      'the beginning is shown',
      () => rows(watcher),
      (all) => all.length < live.length,
    );
    await watcher.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const order = [...live].sort((a, b) => a.id - b.id).map((r) => r.id);
    const have = async () => (await rows(watcher)).map((r) => r.id).sort((a, b) => a - b);
    let at = (await have()).length;
    for (; at < Math.min(order.length, 8); at++) {
      await watcher.page.keyboard.press('ArrowRight');
      await until(
        `event ${at + 1} of ${order.length} is shown, and no other`,
        have,
        (shownNow) => JSON.stringify(shownNow) === JSON.stringify(order.slice(0, at + 1)),
      );
    }
    await watcher.page.keyboard.press('ArrowLeft');
    await until('the last one is gone again', have, (now) => now.length === at - 1);
    expect(asked).toEqual([]);

    // A file that is none says so, and what was shown stays.
    await openFile(watcher, new URL('./replay.test.ts', import.meta.url).pathname);
    await until(
      'it is said that this is no recording',
      () => watcher.text('toasts'),
      (t) => t?.includes('no recording of Roamcall') ?? false,
    );
    expect((await have()).length).toBe(at - 1);
    expect(asked).toEqual([]);
  });

  it.skipIf(cannot(kind))(
    'is brought along: the sample opens with one click, plays, steps and scrubs',
    async () => {
      const server = await stage.server('--bot', '0');
      const watcher = await stage.person(kind, server, 'Watcher');
      await watcher.open('/dashboard');
      await watcher.click('to-sample');
      await isRecorded(watcher);
      expect(await state(watcher, 'redacted', 'data-redacted')).toBe('true');
      const asked = requests(watcher);

      // It plays by itself.
      const clock = () => watcher.text('replay-clock');
      const before = await clock();
      await until('the clock runs', clock, (t) => t !== before);
      await until(
        'events come',
        () => rows(watcher),
        (all) => all.length > 0,
      );
      await watcher.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      await watcher.page.keyboard.press(' ');
      await until(
        'it is paused',
        () => state(watcher, 'replay-bar', 'data-playing'),
        (p) => p === 'false',
      );
      const stopped = await clock();
      await pause(300);
      expect(await clock()).toBe(stopped);

      const speed = () =>
        watcher.page.$$eval('[data-testid^="replay-speed-"][aria-pressed="true"]', (all) =>
          all.map((e) => e.getAttribute('data-testid')),
        );
      await watcher.page.keyboard.press(']');
      await until('it is faster', speed, (s) => s[0] === 'replay-speed-2');
      await watcher.page.keyboard.press('[');
      await until('and slower', speed, (s) => s[0] === 'replay-speed-1');

      // From mark to mark: each names what is to be seen.
      const marks = new Set<string>();
      await press(watcher, 'Home');
      await watcher.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      await watcher.page.keyboard.down('Shift');
      for (let last = await clock(), i = 0; i < 60; i++) {
        await watcher.page.keyboard.press('ArrowRight');
        await pause(50);
        marks.add((await watcher.text('replay-mark')) ?? '');
        const now = await clock();
        if (now === last) break;
        last = now;
      }
      await watcher.page.keyboard.up('Shift');
      expect([...marks].join()).toMatch(/Hard.*Soft.*Walk/);

      await press(watcher, 'End');
      const types = new Set((await rows(watcher)).map((r) => r.type));
      for (const type of ['moment_marked', 'path_switched', 'handover_report', 'session_resumed'])
        expect(types, type).toContain(type);
      const verdicts = new Set((await rows(watcher)).map((r) => r.verdict));
      for (const verdict of ['rebound', 'migrated', 'resumed']) expect(verdicts, verdict).toContain(verdict);
      expect(asked).toEqual([]);

      for (const scheme of ['light', 'dark']) {
        await paint(watcher, scheme);
        expect(await seriousFindings(watcher)).toEqual([]);
      }
      await watcher.open('/replay');
      await watcher.page.waitForSelector(testid('replay-sample'));
      for (const scheme of ['light', 'dark']) {
        await paint(watcher, scheme);
        expect(await seriousFindings(watcher)).toEqual([]);
      }
      await watcher.click('replay-sample');
      await isRecorded(watcher);
    },
  );
});
