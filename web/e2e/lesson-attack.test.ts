// The lesson about attackers: what the page shows is what the server tells and what was counted at the attacker's addresses.

import { describe, expect, it } from 'vitest';
import type { AttackKind, AttackState, PathEventData } from '../src/protocol/messages.gen.ts';
import { seriousFindings } from './harness/axe.ts';
import { cannot, KINDS, type Kind } from './harness/browsers.ts';
import { connectionOf } from './harness/events.ts';
import { type Person, testid } from './harness/person.ts';
import type { Server } from './harness/server.ts';
import { useStage } from './harness/use-stage.ts';
import { until } from './harness/wait.ts';

const stage = useStage();

/** 3 PTO of a path of which nothing is known (RFC 9000, section 8.2.4; RFC 9002, section 6.2.2), if the server's max_ack_delay is the default. */
const VALIDATION_MS = 3 * (333 + 4 * 166.5 + 25);

interface Lesson {
  server: Server;
  person: Person;
  connection: string;
}

async function lesson(kind: Kind): Promise<Lesson> {
  const server = await stage.server('--bot', '1');
  const person = await stage.person(kind, server, 'You');
  await person.open('/lesson/attack');
  await goesOn(person);
  const { id } = await connectionOf(server.api, 'You');
  return { server, person, connection: id };
}

const frames = async (person: Person) => Number((await person.attribute('remote-video', 'data-frames')) ?? 0);

/** The picture goes on. */
async function goesOn(person: Person): Promise<void> {
  const before = await frames(person);
  await until(
    'the picture goes on',
    () => frames(person),
    (n) => n >= before + 15,
  );
}

/** Starts an attack by its button; the answer is what the server has of it. */
async function start({ server, person, connection }: Lesson, kind: AttackKind): Promise<AttackState> {
  await person.click(`attack-${kind}`);
  await person.page.waitForSelector(testid('attack-evidence'));
  const { link } = (await connectionOf(server.api, 'You')) as { link?: string };
  expect(link, connection).toBeTruthy();
  return server.get<AttackState>(`/api/links/${link}/attack`);
}

function outcome(person: Person, state: string): Promise<string | null> {
  return until(
    `the page says ${state}`,
    () => person.attribute('attack-outcome', 'data-state'),
    (s) => s === state,
  );
}

async function counter(person: Person, name: string): Promise<number> {
  const text = await person.attribute('attack-evidence', `data-${name}`);
  return text === null || text === '' ? Number.NaN : Number(text);
}

async function accessible(person: Person): Promise<void> {
  for (const theme of ['light', 'dark']) {
    await person.page.evaluate(async (t) => {
      document.documentElement.dataset.theme = t;
      // Colours that are on their way to others are neither's.
      const fading = document.getAnimations().filter((a) => a instanceof CSSTransition);
      await Promise.allSettled(fading.map((a) => a.finished));
    }, theme);
    expect(await seriousFindings(person), theme).toEqual([]);
  }
}

const to = (addresses: string[], type: PathEventData['type']) => (e: PathEventData) =>
  e.type === type && addresses.includes(e.remote ?? '');

describe.skipIf(cannot(...KINDS))('the lesson about attackers', () => {
  it.each(KINDS)('copies get challenges and nothing else, in %s', async (kind) => {
    const all = await lesson(kind);
    const { server, person, connection } = all;
    await accessible(person);
    const { events } = server;
    const after = events.newest;
    const attack = await start(all, 'copy');
    const at = attack.attackers.map((a) => a.address);
    const challenge = await events.next('the challenge', to(at, 'path_challenge_sent'), { after });
    const failed = await events.next('the failure', to(at, 'path_validation_failed'), { after });
    for (const e of [challenge, failed]) expect(e).toMatchObject({ connection, network: 'attacker' });
    const ms = Date.parse(failed.time) - Date.parse(challenge.time);
    expect(ms).toBeGreaterThanOrEqual(VALIDATION_MS - 2);

    await outcome(person, 'protected');
    expect(Math.abs((await counter(person, 'failed-ms')) - ms)).toBeLessThan(2);
    await goesOn(person);
    const challenges = () => events.all.filter(to(at, 'path_challenge_sent')).length;
    await until(
      'the page has counted every challenge',
      async () => [
        await counter(person, 'received-packets'),
        await counter(person, 'padded'),
        await counter(person, 'challenges'),
        (await counter(person, 'received-bytes')) / 1200,
      ],
      (counted) => counted.every((n) => n === challenges()),
    );
    expect(await counter(person, 'others')).toBe(0);
    expect(await counter(person, 'sent-packets')).toBeGreaterThan(50);
    expect(await counter(person, 'sent-bytes')).toBeGreaterThan(await counter(person, 'received-bytes'));
    await accessible(person);

    await person.click('attack-stop');
    await person.page.waitForSelector(testid('attack-copy'));
    await goesOn(person);
    expect(events.all.filter((e) => e.id > after && e.type === 'path_switched')).toEqual([]);
    expect((await connectionOf(server.api, 'You')).id).toBe(connection);
    expect(await counter(person, 'others')).toBe(0);
    console.log(
      `${kind}: failed after ${ms} ms, ${challenges()} challenges, ${await person.text('attack-outcome')}`,
    );
  });

  it.each(KINDS)('a relaying attacker is in the way until it stops, in %s', async (kind) => {
    const all = await lesson(kind);
    const { server, person, connection } = all;
    const { events } = server;
    const after = events.newest;
    const attack = await start(all, 'relay');
    const at = attack.attackers.map((a) => a.address);
    const there = await events.next('the switch', to(at, 'path_switched'), { after });
    expect(there).toMatchObject({ connection, network: 'attacker', verdict: 'rebound' });
    await outcome(person, 'relayed');
    await goesOn(person);
    await until(
      'the call is counted there',
      () => counter(person, 'others'),
      (n) => n > 30,
    );
    await accessible(person);

    await person.click('attack-stop');
    const back = await events.next(
      'the way back',
      (e) => e.type === 'path_switched' && at.includes(e.from?.remote ?? ''),
      { after: there.id },
    );
    expect(back).toMatchObject({ connection, network: 'wifi', remote: there.from?.remote });
    await outcome(person, 'returned');
    await goesOn(person);
    expect(events.all.filter((e) => e.id > after && e.type === 'session_resumed')).toEqual([]);
    console.log(`${kind}: answered in ${there.response_ms} ms, ${await person.text('attack-outcome')}`);
  });

  it.each(KINDS)('three addresses keep a rebinding out, and resumption helps, in %s', async (kind) => {
    const all = await lesson(kind);
    const { server, person, connection } = all;
    const { events } = server;
    const after = events.newest;
    const attack = await start(all, 'three');
    const at = attack.attackers.map((a) => a.address);
    expect(at).toHaveLength(3);
    for (const address of at) {
      await events.next(`the challenge to ${address}`, to([address], 'path_challenge_sent'), { after });
    }
    await outcome(person, 'blocked');
    await goesOn(person);

    const before = events.newest;
    await person.click('attack-rebind');
    const resumed = await events.next('the resumption', (e) => e.type === 'session_resumed', {
      after: before,
    });
    expect(resumed.previous).toBe(connection);
    await outcome(person, 'resumed');
    await goesOn(person);
    const later = events.all.filter((e) => e.id > before);
    expect(later.filter((e) => e.type === 'path_switched')).toEqual([]);
    expect(
      later.filter(
        (e) =>
          e.connection === connection && e.type === 'path_challenge_sent' && !at.includes(e.remote ?? ''),
      ),
    ).toEqual([]);
    expect(Number(await person.attribute('attack-outcome', 'data-resumed-ms'))).toBeLessThan(8_000);
    await accessible(person);
    await person.click('attack-stop');
    await goesOn(person);
    console.log(`${kind}: ${await person.text('attack-outcome')}`);
  });

  it('says why there is nothing to see without a lab', async () => {
    const server = await stage.server('--bot', '1', '--no-lab');
    const person = await stage.person('chromium', server, 'You');
    await person.open('/lesson/attack');
    await until(
      'the page says it',
      () => person.text('attack-problem'),
      (t) => t?.includes('--no-lab') === true,
    );
    expect(await person.attribute('attack-copy', 'disabled')).not.toBeNull();
  });
});
