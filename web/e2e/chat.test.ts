// What people in a call say otherwise than aloud: the chat, raised hands, reactions.

import { describe, expect, it } from 'vitest';
import { cannot, KINDS } from './harness/browsers.ts';
import { type Person, testid } from './harness/person.ts';
import { useStage } from './harness/use-stage.ts';
import { until } from './harness/wait.ts';

const stage = useStage();

interface Shown {
  text: string;
  own: boolean;
  state: string;
}

/** The messages that a page shows. */
function shown(person: Person): Promise<Shown[]> {
  return person.page.$$eval(testid('chat-message'), (all) =>
    all.map((e) => {
      const { own, state } = (e as HTMLElement).dataset;
      return { text: e.textContent ?? '', own: own === 'true', state: state ?? '' };
    }),
  );
}

/** Waits until a page shows these messages, and no others. */
function reads(person: Person, ...texts: string[]): Promise<Shown[]> {
  return until(
    `${person.name} reads ${texts.join(' | ')}`,
    () => shown(person),
    (all) => JSON.stringify(all.map((m) => m.text)) === JSON.stringify(texts),
  );
}

function unread(person: Person, count: string | null): Promise<string | null> {
  return until(
    `${person.name} is shown ${count ?? 'no'} unread messages`,
    () => person.text('chat-unread'),
    (t) => t === count,
  );
}

async function write(person: Person, text: string): Promise<void> {
  await person.page.type(testid('chat-input'), text);
  await person.page.keyboard.press('Enter');
}

/** The place that the raised hand on somebody's tile shows, null if it is down. */
function handOn(person: Person, tile: string): Promise<string | null> {
  return person.page.evaluate(
    (label, hand) => {
      const tiles = [...document.querySelectorAll('article')];
      const of = tiles.find((t) => t.getAttribute('aria-label')?.startsWith(label));
      return of?.querySelector(hand)?.getAttribute('data-place') ?? null;
    },
    tile,
    testid('raised-hand'),
  );
}

const hand = (person: Person, tile: string, place: string | null) =>
  until(
    `${person.name} sees the hand of ${tile} ${place === null ? 'down' : `up, in place ${place}`}`,
    () => handOn(person, tile),
    (p) => p === place,
  );

for (const kind of KINDS) {
  describe.skipIf(cannot(kind))(`in a call in ${kind}`, () => {
    it('what one writes the other reads, and who comes late too', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.join('chat', { viewer: true });
      await ada.click('chat');
      await until(
        'the chat says that it is empty',
        () => ada.text('chat-panel'),
        (t) => /No messages yet/.test(t ?? ''),
      );
      // Letters and digits that are keys of the call elsewhere.
      const mic = await ada.attribute('mic', 'aria-pressed');
      const first = 'Hm, vetch p12? See https://example.org/a?b=1, (please).';
      await write(ada, first);
      await until(
        'the server has it',
        () => shown(ada),
        (all) => all.length === 1 && all.every((m) => m.own && m.state === 'sent'),
      );
      expect(await ada.attribute('mic', 'aria-pressed'), 'typing is no key of the call').toBe(mic);
      expect(await ada.attribute('hand', 'aria-pressed')).toBe('false');

      const bob = await stage.person(kind, server, 'Bob');
      await bob.join('chat', { viewer: true });
      await unread(bob, '1');
      await write(ada, 'Two');
      await unread(bob, '2');
      await bob.click('chat');
      expect((await reads(bob, first, 'Two')).map((m) => m.own)).toEqual([false, false]);
      await unread(bob, null);
      const link = await bob.page.$eval(`${testid('chat-message')} a`, (e) => {
        const a = e as HTMLAnchorElement;
        return { text: a.textContent, href: a.href, target: a.target, rel: a.rel };
      });
      expect(link).toEqual({
        text: 'https://example.org/a?b=1',
        href: 'https://example.org/a?b=1',
        target: '_blank',
        rel: 'noopener noreferrer',
      });
      expect(await bob.page.$$eval('.chat-group', (all) => all.length), 'one person, one group').toBe(1);

      // Shift and Enter is a line more, and nothing that is written becomes markup.
      await bob.page.type(testid('chat-input'), '<b>Hello</b>');
      await bob.page.keyboard.down('Shift');
      await bob.page.keyboard.press('Enter');
      await bob.page.keyboard.up('Shift');
      await write(bob, 'Ada');
      await reads(ada, first, 'Two', '<b>Hello</b>\nAda');
      await unread(ada, null); // hers is open
      expect(await ada.page.$$eval(`${testid('chat-message')} b`, (all) => all.length)).toBe(0);

      // Escape closes it while one types, and what was typed is there again.
      await ada.page.type(testid('chat-input'), 'half a sen');
      await ada.page.keyboard.press('Escape');
      await until('the chat is closed', async () => !(await ada.has('chat-panel')));
      await write(bob, 'Still there?');
      await unread(ada, '1');
      await ada.page.keyboard.press('t');
      await ada.page.waitForSelector(testid('chat-input'));
      expect(await ada.page.$eval(testid('chat-input'), (e) => (e as HTMLTextAreaElement).value)).toBe(
        'half a sen',
      );
      await unread(ada, null);
      await ada.page.type(testid('chat-input'), 'tence');
      await ada.click('chat-send');
      await reads(bob, first, 'Two', '<b>Hello</b>\nAda', 'Still there?', 'half a sentence');
    });

    it('what one writes without a connection is sent when there is one again, once', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      const bob = await stage.person(kind, server, 'Bob');
      await ada.join('gap', { viewer: true });
      await bob.join('gap', { viewer: true });
      await ada.click('chat');
      await bob.click('chat');
      await write(ada, 'before');
      await reads(bob, 'before');
      await server.stop();
      await Promise.all([ada.phase('reconnecting'), bob.phase('reconnecting')]);
      await write(ada, 'one');
      await write(ada, 'two');
      await ada.click('hand');
      expect((await reads(ada, 'before', 'one', 'two')).map((m) => m.state)).toEqual([
        'sent',
        'sending',
        'sending',
      ]);
      await stage.again(server);
      await Promise.all([ada.phase('connected', 30_000), bob.phase('connected', 30_000)]);
      await reads(bob, 'before', 'one', 'two');
      await until(
        'Ada is shown that all is sent',
        () => shown(ada),
        (all) => all.length === 3 && all.every((m) => m.state === 'sent'),
      );
      await hand(bob, 'Ada', '1');
    });

    it('who writes too fast is told, and may send it again', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.join('flood', { viewer: true });
      await ada.click('chat');
      for (let i = 0; i < 30 && !(await ada.has('chat-again')); i++) await write(ada, '!');
      await until('something is refused', () => ada.has('chat-again'));
      expect(await ada.page.$eval('.chat-state.refused', (e) => e.textContent)).toMatch(/Not sent.*too fast/);
      await until(
        'the page says so',
        () => ada.text('toasts'),
        (t) => /too fast/.test(t ?? ''),
      );
      await until(
        'all of it is sent in the end',
        async () => {
          await ada.page.evaluate(
            (s) => document.querySelector<HTMLElement>(s)?.click(),
            testid('chat-again'),
          );
          return shown(ada);
        },
        (all) => all.every((m) => m.state === 'sent'),
        40_000,
      );
    });

    it('raised hands are shown in their order, and reactions for a moment', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      const bob = await stage.person(kind, server, 'Bob');
      await ada.join('hands', { viewer: true });
      await bob.join('hands', { viewer: true });
      await ada.sees('Bob');
      await bob.sees('Ada');
      await ada.click('hand');
      expect(await ada.attribute('hand', 'aria-pressed')).toBe('true');
      await hand(bob, 'Ada', '1');
      await hand(ada, 'You', '1');
      await bob.page.keyboard.press('h');
      await hand(bob, 'You', '2');
      await hand(ada, 'Bob', '2');
      await ada.click('hand');
      await hand(bob, 'Ada', null);
      await hand(ada, 'You', null);
      await hand(bob, 'You', '1');

      await bob.click('reactions');
      await bob.click('reaction-thumbs-up');
      for (const person of [ada, bob]) {
        await until(
          `${person.name} sees the reaction`,
          () => person.text('floating-reaction'),
          (t) => t === '👍',
        );
      }
      expect(await bob.has('reaction-thumbs-up'), 'the menu is closed').toBe(false);
      for (const person of [ada, bob]) {
        await until('it is over', async () => !(await person.has('floating-reaction')));
      }
    });
  });
}
