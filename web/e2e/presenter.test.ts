// The presenter's view of a class, and the handover report on paper: what they show is what the server's own events say.

import { afterEach, describe, expect, it } from 'vitest';
import type { HandoverReport } from '../src/protocol/messages.gen.ts';
import { seriousFindings } from './harness/axe.ts';
import { cannot, KINDS, type Kind } from './harness/browsers.ts';
import { connectionOf } from './harness/events.ts';
import { Natives } from './harness/natives.ts';
import { type Person, testid } from './harness/person.ts';
import type { Server } from './harness/server.ts';
import { useStage } from './harness/use-stage.ts';
import { LIMIT_MS, PATIENCE, until } from './harness/wait.ts';

const stage = useStage();
const natives = new Natives();
afterEach(() => natives.leave());

const ROOMS = { blue: ['Ada', 'Ben', 'Cleo'], green: ['Dora', 'Emil', 'Fay'] };
/** And 24 who only talk, in pairs and in one process, so that a class of 30 fits on two cores beside a browser. */
const PAIRS = 12;
const NAMES = [
  ...Array.from({ length: PAIRS }, (_, i) => `bench-${i + 1}`)
    .sort()
    .flatMap(() => ['Person 1', 'Person 2']),
  ...Object.values(ROOMS).flat(),
];
/** Longer than a report takes on a busy machine. */
const REPORT_MS = 20_000 * PATIENCE;

interface Tile {
  name: string;
  connection: string;
  participant: string;
  network: string;
  verdict: string;
  pathState: string;
  gapMs: string;
}

function tiles(presenter: Person): Promise<Tile[]> {
  return presenter.page.$$eval(testid('class-tile'), (all) =>
    all.map((e) => {
      const d = (e as HTMLElement).dataset;
      return {
        name: d.name ?? '',
        connection: d.connection ?? '',
        participant: d.participant ?? '',
        network: d.network ?? '',
        verdict: d.verdict ?? '',
        pathState: d.pathState ?? '',
        gapMs: d.gapMs ?? '',
      };
    }),
  );
}

/** A class in two rooms, and the presenter who sees it. */
async function assemble(kind: Kind): Promise<{ server: Server; presenter: Person }> {
  const server = await stage.server('--bot', '0');
  const presenter = await stage.person(kind, server, 'Presenter');
  await presenter.page.setViewport({ width: 1920, height: 1080 });
  await presenter.open('/dashboard?view=class');
  for (const [room, names] of Object.entries(ROOMS)) natives.join(server, room, names, '--audio', 'off');
  natives.talk(server, PAIRS);
  await until(
    'everybody has a tile',
    () => tiles(presenter),
    (all) => all.length === NAMES.length && all.every((t) => t.network === 'wifi'),
    REPORT_MS,
  );
  return { server, presenter };
}

/** The longest gap that a report speaks of, as a tile has it. */
function gapOf(report: HandoverReport): string {
  const gaps = [report.down, report.up].filter((d) => d.measured).map((d) => d.longest_gap_ms);
  const longest = Math.max(0, ...gaps);
  return longest > 0 ? String(Math.round(longest)) : '';
}

/** Runs in the page: whether no colour is on its way. */
function settled(): boolean {
  return document
    .getAnimations()
    .every(
      (a) =>
        a.playState !== 'running' || a.effect?.getComputedTiming().iterations === Number.POSITIVE_INFINITY,
    );
}

async function checkAxe(person: Person, what: string): Promise<void> {
  for (const theme of ['light', 'dark']) {
    await person.page.evaluate((t) => {
      document.documentElement.dataset.theme = t;
    }, theme);
    await until('colours have changed', () => person.page.evaluate(settled));
    expect(await seriousFindings(person), `${what}, ${theme}`).toEqual([]);
  }
}

describe.each(KINDS)('the class in %s', (kind) => {
  it.skipIf(cannot(kind))('is switched by one press, and every tile says what the server says', async () => {
    const { server, presenter } = await assemble(kind);
    const { page } = presenter;
    expect((await tiles(presenter)).map((t) => t.name)).toEqual(NAMES);
    const order = (await tiles(presenter)).map((t) => t.participant);

    // The code to join has the room that the presenter chose.
    await page.$eval(testid('class-room'), (e) => {
      (e as HTMLInputElement).value = 'Lesson-1';
      e.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await until(
      'the code is for the room',
      () => presenter.attribute('join-code', 'data-url'),
      (url) => url?.endsWith('/call/lesson-1') === true,
    );
    expect(
      await page.$eval(`${testid('join-code')} svg`, (e) => e.getBoundingClientRect().width),
    ).toBeGreaterThan(150);

    // Escape calls the countdown off: nobody is switched.
    const before = server.events.newest;
    await presenter.click('to-cellular');
    await presenter.click('how-hard');
    await presenter.click('switch-all');
    await until(
      'it counts',
      () => presenter.attribute('countdown', 'data-left'),
      (n) => n === '2',
    );
    await page.keyboard.press('Escape');
    await until('it is called off', async () => !(await presenter.has('countdown')));

    // When each tile changed, by the clock that the server's events have, too.
    await page.evaluate(() => {
      const seen: Record<string, number> = {};
      (window as unknown as { seen: typeof seen }).seen = seen;
      new MutationObserver((records) => {
        for (const { target } of records) {
          const { connection, network } = (target as HTMLElement).dataset;
          if (network === 'cellular' && connection) seen[connection] ??= Date.now();
        }
      }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-network'] });
    });
    await presenter.click('switch-all');
    await until(
      'it counts',
      () => presenter.attribute('countdown', 'data-left'),
      (n) => n === '1',
    );
    const called = server.events.all.filter(
      (e) => e.id > before && e.type === 'path_switched' && e.network === 'cellular',
    );
    expect(called, 'nobody was switched by a countdown that was called off, or is still counting').toEqual(
      [],
    );

    for (const { name, participant } of await tiles(presenter)) {
      await server.events.next(
        `${name} is reported`,
        (e) => e.type === 'handover_report' && e.participant === participant,
        { after: before, within: REPORT_MS },
      );
    }
    const shown = await until(
      'every tile has the network, a verdict and what was measured',
      () => tiles(presenter),
      (all) =>
        all.every((t) => {
          const last = server.events.all.findLast(
            (e) => e.type === 'handover_report' && e.participant === t.participant,
          );
          return (
            t.network === 'cellular' &&
            t.verdict === last?.verdict &&
            t.gapMs === gapOf(last?.report as HandoverReport)
          );
        }),
      REPORT_MS,
    );
    expect(
      shown.map((t) => t.participant),
      'no tile has moved',
    ).toEqual(order);
    expect(shown.map((t) => t.verdict)).not.toContain('dropped');
    const seen = await page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
    const late = server.events.all
      .filter(
        (e) => e.id > before && e.type === 'path_switched' && e.network === 'cellular' && seen[e.connection],
      )
      .map((e) => (seen[e.connection] as number) - Date.parse(e.time));
    console.log(`${kind}: tiles changed ${late.map(Math.round).join(', ')} ms after the event`);
    expect(Math.max(...late)).toBeLessThan(2_000 * PATIENCE);

    // The line to say aloud counts what the events say.
    for (const verdict of ['migrated', 'rebound', 'resumed', 'dropped']) {
      expect(await presenter.attribute('last-switch', `data-${verdict}`), verdict).toBe(
        String(shown.filter((t) => t.verdict === verdict).length),
      );
    }
    expect(await presenter.text('last-switch')).toMatch(/longest gap .+, median .+/);
    await checkAxe(presenter, 'the class');

    // One of them large, from the back of the room; Escape goes back.
    const first = shown.find((t) => t.name === 'Ada') as Tile;
    await page.click(`${testid('class-tile')}[data-participant="${first.participant}"]`);
    await until(
      'the spotlight is on',
      () => presenter.attribute('spotlight', 'data-connection'),
      (c) => c === first.connection,
    );
    expect(await presenter.attribute('spotlight', 'data-verdict')).toBe(first.verdict);
    const { paths } = await connectionOf(server.api, first.name);
    expect(await presenter.text('spotlight-path')).toContain(paths.find((p) => p.state === 'active')?.remote);
    await checkAxe(presenter, 'the spotlight');
    await page.keyboard.press('Escape');
    await until('the class is back', () => presenter.has('class'));

    // A mark is asked for as the contract has it, whether this server takes it or not.
    await page.evaluate(() => {
      const asked: string[] = [];
      (window as unknown as { asked: string[] }).asked = asked;
      const real = window.fetch;
      window.fetch = (input, init) => {
        if (init?.method === 'POST') asked.push(`${String(input)} ${String(init.body)}`);
        return real(input, init);
      };
    });
    await page.keyboard.press('m');
    await page.waitForSelector(testid('mark-text'));
    await page.type(testid('mark-text'), 'all on cellular');
    await page.keyboard.press('Enter');
    const asked = await until(
      'the mark is asked for',
      () => page.evaluate(() => (window as unknown as { asked: string[] }).asked),
      (a) => a.length > 0,
    );
    expect(asked).toEqual(['/api/marks {"text":"all on cellular"}']);
    await until(
      'it is said what became of it',
      () => presenter.text('toasts'),
      (t) => /Marked: all on cellular|cannot mark/.test(t ?? ''),
    );
  });

  it.skipIf(cannot(kind))('has a report on paper that is the server’s', async () => {
    const server = await stage.server('--bot', '0');
    natives.join(server, 'paper', ['Ada', 'Ben'], '--audio', 'off');
    const reader = await stage.person(kind, server, 'Reader');
    const connection = await until(
      'Ada is there',
      () => connectionOf(server.api, 'Ada').catch(() => null),
      (c) => c?.link !== undefined,
      REPORT_MS,
    );
    const id = connection?.id ?? '';
    await reader.open(`/report/${id}`);
    await until(
      'it says that there is none yet',
      () => reader.text('report-status'),
      (t) => /has not changed/.test(t ?? ''),
    );
    const after = server.events.newest;
    const answer = await fetch(`${server.api}/api/links`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ network: 'cellular', style: 'soft', room: 'paper' }),
    });
    expect(answer.status, await answer.clone().text()).toBe(200);
    const told = await server.events.next(
      'the report',
      (e) => e.type === 'handover_report' && e.connection === id,
      {
        after,
        within: REPORT_MS,
      },
    );
    // It appears by itself.
    await until(
      'the paper is there',
      () => reader.attribute('report-paper', 'data-verdict'),
      (v) => v === told.verdict,
    );
    const { report } = await connectionOf(server.api, 'Ada');
    const text = (await reader.text('report-paper')) ?? '';
    for (const fact of [
      id,
      'Ada',
      report?.from.remote,
      report?.to.remote,
      report?.to.local,
      'Cellular, emulated',
    ]) {
      expect(text).toContain(fact);
    }
    const response = server.events.all.findLast(
      (e) => e.connection === id && e.type === 'path_response_received' && e.path === report?.to.path,
    );
    expect(await reader.attribute('report-challenge', 'data-challenge')).toBe(response?.challenge);
    expect(text).toContain(`${Math.round(report?.up.longest_gap_ms ?? 0)} ms`);
    await checkAxe(reader, 'the paper');

    // One page, on both sizes of paper.
    if (kind === 'chromium') {
      for (const format of ['A4', 'Letter'] as const) {
        const pdf = Buffer.from(
          await reader.page.pdf({ format, printBackground: true, preferCSSPageSize: false }),
        ).toString('latin1');
        expect(pdf.match(/\/Type\s*\/Page\b(?!s)/g)?.length, format).toBe(1);
      }
    }

    await reader.open('/report/0123456789abcdef');
    await until(
      'it says that there is no such connection',
      () => reader.text('report-status'),
      (t) => /knows no connection/.test(t ?? ''),
      LIMIT_MS,
    );
  });
});
