// The guided lesson: each control does what its step says, what is shown is what the server told, and a presenter moves the class.

import { describe, expect, it } from 'vitest';
import type { PathEventData } from '../src/protocol/messages.gen.ts';
import { seriousFindings } from './harness/axe.ts';
import { cannot, KINDS } from './harness/browsers.ts';
import { connectionOf } from './harness/events.ts';
import { type Person, testid } from './harness/person.ts';
import type { Server } from './harness/server.ts';
import { useStage } from './harness/use-stage.ts';
import { PATIENCE, pause, until } from './harness/wait.ts';

const stage = useStage();

const REPORT_MS = 20_000 * PATIENCE; // a walk, the time to settle, and the answers

/** Opens the lesson and waits for a call with a picture. */
async function learn(person: Person, address = '/lesson'): Promise<void> {
  await person.open(address);
  await until(
    `${person.name}'s page is in its call`,
    () => person.attribute('own-call', 'data-phase'),
    (p) => p === 'connected',
  );
  await until(
    `${person.name} sees the test participant`,
    async () => Number(await person.attribute('remote-video', 'data-frames')),
    (n) => n > 5,
  );
}

function atStep(person: Person, step: number): Promise<string | null> {
  return until(
    `${person.name} is at step ${step}`,
    () => person.attribute('lesson-step', 'data-step'),
    (s) => s === String(step),
  );
}

/** Presses the step's button for the network, and waits for the server's word. */
async function change(server: Server, person: Person, connection: string): Promise<PathEventData> {
  const after = server.events.newest;
  await until('the button can be pressed', () =>
    person.page.$eval(testid('lesson-try'), (b) => !(b as HTMLButtonElement).disabled),
  );
  await person.click('lesson-try');
  return server.events.next(
    'the call moves',
    (e) => e.connection === connection && e.type === 'path_switched',
    { after, within: REPORT_MS },
  );
}

/** Waits until an element's attribute is a value. */
function shows(person: Person, id: string, attribute: string, value: string | undefined): Promise<unknown> {
  return until(
    `${id} has ${attribute} ${value}`,
    () => person.attribute(id, attribute),
    (v) => v !== null && v === value,
  );
}

describe.each(KINDS)('the lesson in %s', (kind) => {
  it.skipIf(cannot(kind))('goes through six steps, with evidence that is the server’s', async () => {
    const server = await stage.server('--bot', '1');
    const ada = await stage.person(kind, server, 'Learner');
    await learn(ada);
    const { id } = await connectionOf(server.api, 'Learner');

    // 1: an answer opens the explanation, and the call goes on at another address.
    expect(await ada.has('lesson-explanation')).toBe(false);
    await ada.click('lesson-answer-1');
    await shows(ada, 'lesson-answer-1', 'data-right', 'false');
    await ada.page.waitForSelector(testid('lesson-explanation'));
    await ada.click('lesson-answer-2');
    await shows(ada, 'lesson-answer-2', 'data-right', 'true');
    let moved = await change(server, ada, id);
    await shows(ada, 'lesson-change', 'data-to', moved.remote);
    await shows(ada, 'lesson-change', 'data-from', moved.from?.remote);
    await shows(ada, 'lesson-change', 'data-verdict', 'rebound');
    await shows(ada, 'verdict', 'data-verdict', 'rebound');

    // 2: a TCP connection that ends is followed by one of another name; the call keeps its own.
    await ada.click('lesson-next');
    await atStep(ada, 2);
    const first = await until('the server says the name', () => ada.attribute('lesson-tcp', 'data-remote'));
    await ada.click('lesson-tcp-again');
    await until(
      'there is another connection',
      () => ada.attribute('lesson-tcp', 'data-remote'),
      (r) => r !== null && r !== first,
    );
    moved = await change(server, ada, id);
    await shows(ada, 'lesson-quic', 'data-remote', moved.remote);
    expect(await ada.text('lesson-quic')).toContain(moved.connection_id?.id);

    // 3: one's own ID stays, that of a client that migrates does not.
    await ada.page.keyboard.press('ArrowRight');
    await atStep(ada, 3);
    moved = await change(server, ada, id);
    await shows(ada, 'lesson-change', 'data-to', moved.remote);
    const own = await ada.page.$eval(testid('lesson-ids'), (e) => ({ ...(e as HTMLElement).dataset }));
    expect(own.before).toBe(own.after);
    expect(own.after).toBe(moved.connection_id?.id);
    const before = server.events.newest;
    await ada.click('lesson-migrate');
    const migrated = await server.events.next(
      'a client migrates',
      (e) => e.type === 'path_switched' && e.verdict === 'migrated',
      { after: before, within: REPORT_MS },
    );
    await until(
      'it is shown',
      () => ada.attribute('lesson-experiment', 'data-connection'),
      (c) => c === migrated.connection,
      REPORT_MS,
    );
    const other = await until('its IDs are shown', () =>
      ada.page.evaluate(
        (s) => {
          const e = document.querySelector<HTMLElement>(s);
          return e && { ...e.dataset };
        },
        `${testid('lesson-experiment')} ${testid('lesson-ids')}`,
      ),
    );
    expect(other?.after).toBe(migrated.connection_id?.id);
    expect(other?.before).not.toBe(other?.after);
    const told = server.events.all.filter((e) => e.connection === migrated.connection);
    expect(
      told.find((e) => e.type === 'connection_id_in_use' && e.connection_id?.issuer === 'server')
        ?.connection_id?.id,
    ).toBe(other?.before);

    // 4: the eight bytes that went are those that the server sent, and those that came back.
    await ada.click('lesson-next');
    await atStep(ada, 4);
    const since = server.events.newest;
    moved = await change(server, ada, id);
    const challenge = server.events
      .between(id, since, moved.id)
      .find((e) => e.type === 'path_response_received' && e.path === moved.path)?.challenge;
    expect(challenge).toMatch(/^[0-9a-f]{16}$/);
    await shows(ada, 'lesson-challenge', 'data-challenge', challenge);
    await shows(ada, 'lesson-response', 'data-challenge', challenge);

    // 5: the walk, with the report; of both directions where the camera is sent.
    await ada.click('lesson-next');
    await atStep(ada, 5);
    await ada.click('lesson-camera');
    await until('the server has the camera', async () => {
      const calls =
        await server.get<{ room: string; participants: { name: string; tracks: unknown[] }[] }[]>(
          '/api/calls',
        );
      return calls.some((c) => c.participants.some((p) => p.name === 'Learner' && p.tracks.length > 0));
    });
    await until('the learner sees what is sent', () =>
      ada.page.$eval(testid('lesson-self'), (v) => (v as HTMLVideoElement).videoWidth > 0),
    );
    const walkBegan = server.events.newest;
    await ada.click('lesson-try');
    // What step 4 did may be reported only now.
    const { id: walked } = await server.events.next(
      'the walk ends',
      (e) => e.name === 'Learner' && (e.type === 'path_switched' || e.type === 'session_resumed'),
      { after: walkBegan, within: REPORT_MS },
    );
    // A rebinding that a resumption overtakes is reported, too, and not measured: its connection ends.
    const report = await server.events.next(
      'the walk is reported',
      (e) => e.name === 'Learner' && e.type === 'handover_report' && e.report?.down.measured === true,
      { after: walked, within: REPORT_MS },
    );
    await shows(ada, 'handover-report', 'data-verdict', report.verdict);

    // 6: what the call costs is measured.
    await ada.click('lesson-next');
    await atStep(ada, 6);
    await until(
      'the cost is shown',
      async () => Number(await ada.attribute('lesson-cost', 'data-bps')),
      (bps) => bps > 50_000,
    );
    await ada.click('lesson-skip');
    await ada.page.waitForSelector(testid('lesson-explanation'));
    expect(await ada.has('lesson-next')).toBe(false);

    // What was answered is known after a reload, and the address says the step.
    expect(new URL(ada.page.url()).hash).toBe('#6');
    await learn(ada, '/lesson?step=1');
    await atStep(ada, 1);
    expect(await ada.has('lesson-explanation')).toBe(true);
  });

  it.skipIf(cannot(kind))('has no serious finding of axe on any step, light or dark', async () => {
    const server = await stage.server('--bot', '1');
    const ada = await stage.person(kind, server, 'Learner');
    await learn(ada);
    const { id } = await connectionOf(server.api, 'Learner');
    await change(server, ada, id);
    for (let step = 1; step <= 6; step++) {
      if (step > 1) await ada.click('lesson-next');
      await atStep(ada, step);
      await ada.click('lesson-answer-2');
      await ada.page.waitForSelector(testid('lesson-explanation'));
      if (step === 3) {
        await ada.click('lesson-migrate');
        await until(
          'it migrated',
          () => ada.attribute('lesson-experiment', 'data-connection'),
          Boolean,
          REPORT_MS,
        );
      }
      for (const theme of ['light', 'dark']) {
        await ada.page.evaluate((t) => {
          document.documentElement.dataset.theme = t;
        }, theme);
        await pause(400); // transitions of colours
        expect(await seriousFindings(ada), `step ${step}, ${theme}`).toEqual([]);
      }
    }
  });
});

describe.skipIf(cannot('chromium'))('a lesson that is led', () => {
  it('moves the class, and lets a learner look around', async () => {
    const server = await stage.server('--bot', '1');
    const teacher = await stage.person('chromium', server, 'Teacher');
    const ada = await stage.person('chromium', server, 'Ada');
    await learn(teacher, '/lesson#2');
    await learn(ada);
    await teacher.click('lesson-lead');
    await atStep(ada, 2);
    await shows(ada, 'lesson-led', 'data-step', '2');
    expect(await teacher.has('lesson-led'), 'the presenter is not told what it does').toBe(false);
    await until(
      'the learner is told',
      () => ada.text('toasts'),
      (t) => t?.includes('The presenter moved the class to step 2.') ?? false,
    );

    await teacher.click('lesson-next');
    await atStep(ada, 3);
    expect(await server.get('/api/lesson')).toEqual({ step: 3 });

    // Who looks around is not pulled back before the class moves on.
    await ada.click('lesson-go-5');
    await atStep(ada, 5);
    await ada.click('lesson-back');
    await atStep(ada, 3);
    await ada.click('lesson-previous');
    await atStep(ada, 2);
    await teacher.page.keyboard.press('ArrowRight');
    await atStep(ada, 4);

    // Who comes later is there at once.
    const late = await stage.person('chromium', server, 'Late');
    await learn(late);
    await atStep(late, 4);

    await teacher.click('lesson-lead');
    await until('the class is let go', async () => !(await ada.has('lesson-led')));
    expect(await server.get('/api/lesson')).toEqual({ step: null });
    expect(await ada.attribute('lesson-step', 'data-step')).toBe('4');
  });

  it('says what cannot be tried over TCP, and without the lab', async () => {
    const server = await stage.server('--no-lab', '--bot', '1');
    const ada = await stage.person('chromium', server, 'Ada');
    await learn(ada);
    await until(
      'the page says why',
      () => ada.text('lesson-cannot'),
      (t) => t?.includes('--no-lab') ?? false,
    );
    const lab = await stage.server('--bot', '1');
    const ben = await stage.person('chromium', lab, 'Ben');
    await learn(ben, '/lesson?step=2&transport=websocket');
    await until(
      'the page says why',
      () => ben.text('lesson-cannot'),
      (t) => t?.includes('QUIC only') ?? false,
    );
    expect(await ben.text('lesson-quic')).toContain('goes over TCP');
  });
});
