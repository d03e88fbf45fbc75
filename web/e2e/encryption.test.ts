// Encrypted calls: who has the key sees and hears, who has not is told so, and the server is never told the key.

import { describe, expect, it } from 'vitest';
import { cannot, KINDS } from './harness/browsers.ts';
import { type Person, testid } from './harness/person.ts';
import { useStage } from './harness/use-stage.ts';
import { until } from './harness/wait.ts';

const stage = useStage();

const KEY = 'AAECAwQFBgcICQoLDA0ODw';
const OTHER_KEY = 'EBESExQVFhcYGRobHB0eHw';

/** Packets that could not be decrypted: a second of sound and picture is more. */
const MANY = 100;

async function expectSeeing(person: Person, name: string): Promise<void> {
  await person.seesMotion(name);
  await person.hears(name);
}

/** Media of the other arrives, and nothing of it can be seen or heard. */
async function expectNothing(person: Person, name: string): Promise<void> {
  await until(
    `media of ${name} arrives at ${person.name}`,
    () => person.attribute('remote-video', 'data-undecrypted'),
    (n) => Number(n) > MANY,
  );
  const seen = await person.sees(name);
  expect(seen.shown, `${person.name} is shown no picture of ${name}`).toBe(false);
  expect(seen.frames).toBe(0);
  expect(seen.level).toBeLessThan(0.005);
}

/** The fingerprint beside the lock. */
async function fingerprint(person: Person): Promise<string> {
  const text = await until(
    `${person.name} is shown a fingerprint`,
    () => person.text('encrypted'),
    (t) => /[0-9a-f]{4} [0-9a-f]{4}$/.test(t ?? ''),
  );
  return (text ?? '').slice(-9);
}

function said(person: Person, id: string, words: string): Promise<string | null> {
  return until(
    `${person.name} is told: ${words}`,
    () => person.text(id),
    (t) => t === words,
  );
}

// The other person is in Chromium: of two pages in one Firefox only one is in front, and it opens no camera for the other, which as a hidden page asks for no pictures.
for (const kind of KINDS) {
  describe.skipIf(cannot(kind))(`an encrypted call in ${kind}`, () => {
    it('is made with a switch, and seen and heard by who has its link', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.lobby('private');
      expect(await ada.attribute('encrypt', 'aria-checked')).toBe('false');
      await ada.click('encrypt');
      const hash = await until(
        'the key is in the address',
        () => ada.page.evaluate(() => location.hash),
        (h) => /^#key=[\w-]{22}$/.test(h),
      );
      const key = hash.slice('#key='.length);
      await ada.enter();
      expect(await ada.page.evaluate(() => location.hash)).toBe(hash);

      const bob = await stage.person('chromium', server, 'Bob');
      await bob.lobby('private', { key });
      expect(await bob.attribute('encrypt', 'aria-checked')).toBe('true');
      expect(await bob.text('encrypt-hint')).toMatch(/came with your link/);
      await bob.enter();

      await expectSeeing(ada, 'Bob');
      await expectSeeing(bob, 'Ada');
      expect(await fingerprint(ada)).toBe(await fingerprint(bob));
      for (const words of ['no-key', 'wrong-key', 'not-encrypted']) {
        expect([await ada.has(words), await bob.has(words)], words).toEqual([false, false]);
      }

      // A call that is encrypted roams as any other.
      await ada.switchNetwork('cellular', 'hard');
      await until(
        'Ada is on the other network',
        () => ada.activeNetwork(),
        (n) => n === 'cellular',
      );
      await expectSeeing(ada, 'Bob');
      await expectSeeing(bob, 'Ada');
      expect(await ada.attribute('remote-video', 'data-undecrypted')).toBe('0');
      expect(await bob.attribute('remote-video', 'data-undecrypted')).toBe('0');

      expect(server.log).not.toContain(key);
      expect(JSON.stringify(server.events.all)).not.toContain(key);
    });

    it('is not seen or heard with another key, and both are told', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      const bob = await stage.person('chromium', server, 'Bob');
      await ada.join('keys', { key: KEY });
      await bob.join('keys', { key: OTHER_KEY });
      for (const [person, other] of [
        [ada, 'Bob'],
        [bob, 'Ada'],
      ] as const) {
        await said(person, 'wrong-key', 'This participant uses another key.');
        await expectNothing(person, other);
      }
      expect(await fingerprint(ada)).not.toBe(await fingerprint(bob));
    });

    it('is not seen or heard without the key, and who has it sees who is not encrypted', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      const eve = await stage.person('chromium', server, 'Eve');
      await ada.join('half', { key: KEY });
      await eve.join('half');
      await said(
        eve,
        'no-key',
        "This participant's picture and sound are encrypted. You need the complete link.",
      );
      await expectNothing(eve, 'Ada');
      expect(await eve.has('encrypted')).toBe(false);
      await expectSeeing(ada, 'Eve');
      await said(ada, 'not-encrypted', 'not encrypted');
    });

    it('shows the test participant, which is not encrypted', async () => {
      const server = await stage.server('--bot', '1');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.join('bot', { key: KEY });
      const [bot] = await until(
        'the test participant is there',
        () => ada.everybody(),
        (all) => all.length === 1,
      );
      await expectSeeing(ada, bot?.name ?? '');
      await said(ada, 'not-encrypted', 'not encrypted');
    });

    it('is not joined with half a key', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.lobby('cut', { key: KEY.slice(0, 20) });
      expect(await ada.text('key-problem')).toMatch(/not complete/);
      expect(await ada.has('encrypt')).toBe(false);
      expect(await ada.page.$eval(testid('join'), (e) => (e as HTMLButtonElement).disabled)).toBe(true);
      expect(await server.get<unknown[]>('/api/calls')).toEqual([]);
    });

    it('has its key in the link that is copied', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      if (kind === 'chromium')
        await ada.context.overridePermissions(server.origin, [
          'camera',
          'microphone',
          'clipboard-read',
          'clipboard-sanitized-write',
        ]);
      await ada.join('copy', { key: KEY });
      await ada.click('copy-link');
      const text = await until(
        'the link is on the clipboard',
        () => ada.page.evaluate(() => navigator.clipboard.readText()),
        (t) => t !== '',
      );
      expect(text).toBe(`${server.origin}/call/copy#key=${KEY}`);
    });
  });
}
