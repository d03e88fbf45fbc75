// Three lanes: one switch, three things that happen, each as the server has it.

import { describe, expect, it } from 'vitest';
import type { CallInfo } from '../src/api.ts';
import type { Run } from '../src/lesson/compare/types.ts';
import type { LinkState } from '../src/protocol/messages.gen.ts';
import { seriousFindings } from './harness/axe.ts';
import { cannot, KINDS } from './harness/browsers.ts';
import { type Person, testid } from './harness/person.ts';
import { useStage } from './harness/use-stage.ts';
import { LIMIT_MS, until } from './harness/wait.ts';

const stage = useStage();

const LANES = ['quic', 'tcp', 'paths'] as const;
type LaneName = (typeof LANES)[number];

/** A picture that a busy machine held up is not a freeze of the network's making. */
const BUSY_MS = 100;
const RUN_MS = 45_000;

interface Shown {
  frames: number;
  longestGapMs: number;
  frozenMs: number;
  freezes: number;
  bytes: number;
  address: string;
  identifier: string;
  connection: string;
  verdict: string;
}

async function lane(person: Person, name: LaneName): Promise<Shown> {
  const d = await person.page.$eval(testid(`lane-${name}`), (e) => ({ ...(e as HTMLElement).dataset }));
  const { address = '', identifier = '', connection = '', verdict = '' } = d;
  return {
    frames: Number(d.frames),
    longestGapMs: Number(d.longestGapMs),
    frozenMs: Number(d.frozenMs),
    freezes: Number(d.freezes),
    bytes: Number(d.bytes),
    address,
    identifier,
    connection,
    verdict,
  };
}

async function moves(person: Person, name: LaneName): Promise<void> {
  await person.page.waitForSelector(testid(`lane-${name}`));
  const { frames } = await lane(person, name);
  await until(
    `the ${name} lane moves`,
    () => lane(person, name),
    (l) => l.frames >= frames + 10,
  );
}

async function at(person: Person, what: string, within = LIMIT_MS): Promise<void> {
  await until(
    `the page is ${what}`,
    () => person.attribute('compare-stage', 'data-stage'),
    (s) => s === what,
    within,
  );
}

describe.each(KINDS)('three lanes in %s', (kind) => {
  it.skipIf(cannot(kind))('show what becomes of each', async () => {
    const server = await stage.server('--bot', '1');
    const { events } = server;
    const ada = await stage.person(kind, server, 'Ada');
    // In a room of its own, or in one that others know.
    const room = kind === 'firefox' ? 'the-class' : '';
    await ada.open(`/lesson/compare${room && `?room=${room}`}`);
    for (const name of LANES) await moves(ada, name);
    expect(await seriousFindings(ada)).toEqual([]);
    const calls = await server.get<CallInfo[]>('/api/calls');
    expect(calls.map((c) => c.room)).toEqual([room || expect.stringMatching(/^compare-/)]);
    const before = {
      quic: await lane(ada, 'quic'),
      tcp: await lane(ada, 'tcp'),
      paths: await lane(ada, 'paths'),
    };
    expect(before.tcp.identifier).toContain('→');
    expect(before.quic.identifier).toMatch(/^[0-9a-f]+$/);
    expect(before.paths.connection.split(' ')).toHaveLength(2);

    // Cut off: QUIC is followed, TCP is not, and two paths do not mind.
    const after = events.newest;
    await ada.click('compare-style-hard');
    await ada.click('compare-walk');
    const rebound = await events.next(
      'QUIC is followed to the new address',
      (e) => e.connection === before.quic.connection && e.type === 'path_switched',
      { after },
    );
    expect(rebound.verdict).toBe('rebound');
    const resumed = await events.next(
      'the TCP lane is resumed',
      (e) => e.type === 'session_resumed' && e.previous === before.tcp.connection,
      { after },
    );
    expect(resumed.transport).toBe('websocket');
    await at(ada, 'away', RUN_MS);
    const story = events.all.filter((e) => e.id > after);
    for (const connection of before.paths.connection.split(' ')) {
      const types = story.filter((e) => e.connection === connection).map((e) => e.type);
      expect(types).not.toContain('path_switched');
      expect(types).not.toContain('session_resumed');
    }
    expect(story.filter((e) => e.type === 'session_resumed' && e.previous !== before.tcp.connection)).toEqual(
      [],
    );
    const shown = {
      quic: await lane(ada, 'quic'),
      tcp: await lane(ada, 'tcp'),
      paths: await lane(ada, 'paths'),
    };
    expect(shown.quic.verdict).toBe('rebound');
    expect(shown.quic.connection).toBe(before.quic.connection);
    expect(shown.quic.identifier).toBe(before.quic.identifier);
    expect(shown.quic.address).not.toBe(before.quic.address);
    expect(shown.tcp.verdict).toBe('resumed');
    expect(shown.tcp.identifier).not.toBe(before.tcp.identifier);
    expect(shown.tcp.freezes).toBeGreaterThan(0);
    expect(shown.tcp.longestGapMs).toBeGreaterThan(400);
    expect(shown.paths.verdict).toBe('');
    expect(shown.paths.longestGapMs).toBeLessThan(shown.tcp.longestGapMs);
    expect(shown.paths.bytes).toBeGreaterThan(0);

    // The run is in the table, and in the file with the numbers that are shown.
    const runs = await server.get<Run[]>('/api/compare/runs');
    expect(runs).toHaveLength(1);
    if ((runs[0]?.stood_ms ?? 0) < BUSY_MS) expect(shown.paths.freezes).toBe(0);
    expect(await ada.attribute('compare-table', 'data-runs')).toBe('1');
    const file = await saved(ada, 'compare-csv');
    const lines = file.trim().split('\r\n');
    expect(lines).toHaveLength(1 + LANES.length);
    LANES.forEach((name, i) => {
      const values = (lines[1 + i] as string).split(',');
      const { longestGapMs, freezes, frozenMs, bytes, verdict } = shown[name];
      expect(values[3]).toBe(name);
      expect(values.slice(4, 7).map(Number)).toEqual([longestGapMs, freezes, frozenMs]);
      expect(Number(values[9])).toBe(bytes);
      expect(values[10]).toBe(verdict);
    });
    expect(await saved(ada, 'compare-png')).toMatch(/PNG/);
    await ada.page.evaluate(() => document.documentElement.setAttribute('data-theme', 'dark'));
    expect(await seriousFindings(ada)).toEqual([]);

    await ada.click('compare-back');
    await at(ada, 'ready', RUN_MS);
    for (const name of LANES) await moves(ada, name);

    // The first of the two paths carries its copies again.
    const carried = async () => {
      const links = await server.get<(LinkState & { name?: string })[]>('/api/links');
      const wifi = links.find((l) => l.name === 'Path 1')?.networks.find((n) => n.name === 'wifi');
      return wifi?.down.bytes ?? 0;
    };
    const bytes = await carried();
    await until('path 1 is back', carried, (n) => n > bytes + 50_000);

    // Walking out, QUIC may be followed or, when nothing was heard for long, resumed.
    await ada.click('compare-style-walk');
    await ada.click('compare-walk');
    await at(ada, 'away', RUN_MS);
    expect(['rebound', 'resumed']).toContain((await lane(ada, 'quic')).verdict);
    expect((await lane(ada, 'tcp')).verdict).toBe('resumed');
    expect((await lane(ada, 'paths')).verdict).toBe('');
    expect(await server.get<Run[]>('/api/compare/runs')).toHaveLength(2);

    // Again and again, until it is stopped.
    await ada.click('compare-style-hard');
    await ada.click('compare-repeat');
    await until(
      'one of many runs is done',
      () => ada.text('compare-progress'),
      (t) => t === '1 of 20 runs',
      RUN_MS,
    );
    await ada.click('compare-stop');
    await at(ada, 'ready', RUN_MS);
    expect(await server.get<Run[]>('/api/compare/runs')).toHaveLength(3);
    expect(await ada.has('compare-repeat')).toBe(true);

    // Who goes takes the links along.
    await ada.page.goto(`${ada.origin}/lesson`, { waitUntil: 'domcontentloaded' });
    await until(
      'the links are gone',
      async () => (await server.get<LinkState[]>('/api/links')).length,
      (n) => n <= 1, // the next page has one of its own
    );
  });
});

/** Presses a button that saves a file, and tells what is in it. */
async function saved(person: Person, button: string): Promise<string> {
  await person.page.evaluate(() => {
    const w = window as unknown as { savedFile?: Promise<string> };
    const { createObjectURL } = URL;
    delete w.savedFile;
    URL.createObjectURL = (blob: Blob) => {
      w.savedFile = blob.text();
      URL.createObjectURL = createObjectURL;
      return createObjectURL.call(URL, blob);
    };
    HTMLAnchorElement.prototype.click = () => undefined; // the file itself goes nowhere
  });
  await person.click(button);
  return until('there is a file', () =>
    person.page.evaluate(
      async () => (await (window as unknown as { savedFile?: Promise<string> }).savedFile) ?? '',
    ),
  );
}
