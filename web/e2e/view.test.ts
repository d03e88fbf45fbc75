// What one sees of a call: layouts, pins, screens, measurements.

import { describe, expect, it } from 'vitest';
import { cannot, KINDS } from './harness/browsers.ts';
import { giveScreen } from './harness/drawn-screen.ts';
import { type Person, testid } from './harness/person.ts';
import { useStage } from './harness/use-stage.ts';
import { until } from './harness/wait.ts';

const stage = useStage();

/** Which tile is large, if one is. */
async function large(person: Person): Promise<string | null> {
  return person.attribute('stage', 'data-large');
}

/** Width of somebody's tile on the page, px. */
function tileWidth(person: Person, name: string): Promise<number> {
  return person.page.$eval(
    `${testid('remote-video')}[data-name="${name}"]`,
    (e) => e.getBoundingClientRect().width,
  );
}

// The other person is in Chromium: of two pages in one Firefox only one is in front, and it opens no camera for the other, which as a hidden page asks for no pictures.
for (const kind of KINDS) {
  describe.skipIf(cannot(kind))(`looking at a call in ${kind}`, () => {
    it('the layout changes with a key, and a pin outranks it', async () => {
      const server = await stage.server('--bot', '2');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.join('layout');
      const everybody = await until(
        'both test participants are there',
        () => ada.everybody(),
        (all) => all.length === 2 && all.every((s) => s.frames > 0),
      );
      expect(await ada.attribute('stage', 'data-layout')).toBe('grid');
      expect(await large(ada)).toBe('');
      const [first, second] = everybody.map((s) => s.name) as [string, string];
      expect(Math.abs((await tileWidth(ada, first)) - (await tileWidth(ada, second)))).toBeLessThan(2);

      await ada.page.keyboard.press('l');
      await until('one tile is large', () => large(ada), Boolean);
      for (const { participant, name } of everybody) {
        await ada.page.click(`.tile:has([data-participant="${participant}"]) ${testid('pin')}`);
        await until(
          `${name} is large`,
          () => large(ada),
          (id) => id === participant,
        );
        const other = name === first ? second : first;
        await until(
          `the tile of ${name} has grown`,
          async () => (await tileWidth(ada, name)) / (await tileWidth(ada, other)),
          (ratio) => ratio > 2,
        );
      }
      await ada.page.keyboard.press('l'); // lets go of the pin, too
      await until(
        'all are alike',
        () => ada.attribute('stage', 'data-layout'),
        (layout) => layout === 'grid',
      );
      await ada.seesMotion(first);
    });

    it('what is measured is shown with a key', async () => {
      const server = await stage.server('--bot', '1');
      const ada = await stage.person(kind, server, 'Ada');
      await ada.join('facts');
      await ada.seesMotion('Test participant');
      expect(await ada.has('tile-facts')).toBe(false);
      await ada.page.keyboard.press('s');
      const text = await until(
        'the facts are there',
        () => ada.text('tile-facts'),
        (t) => t?.includes('frames/s') ?? false,
      );
      expect(text).toContain('VP8');
      expect(text).toContain('WebTransport over QUIC');
      await ada.page.keyboard.press('s');
      await until(
        'they are gone',
        () => ada.has('tile-facts'),
        (there) => !there,
      );
    });

    it('a screen that is shared is a picture of its own, is large, and goes away', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      const bob = await stage.person('chromium', server, 'Bob');
      await giveScreen(kind, ada);
      await ada.join('screen');
      await bob.join('screen');
      await bob.seesMotion('Ada');
      const frames = async () => Number(await bob.attribute('remote-screen', 'data-frames'));

      for (const round of ['first', 'second']) {
        await ada.click('share');
        await until(`Bob sees the ${round} screen`, frames, (n) => n > 2);
        expect(await large(bob)).toMatch(/\/screen$/);
        expect(Number(await bob.attribute('remote-screen', 'data-width'))).toBeGreaterThan(0);
        expect(await ada.has('sharing')).toBe(true);
        await bob.seesMotion('Ada'); // the camera goes on
        await ada.click('share');
        await until(
          'the screen is gone',
          () => bob.has('remote-screen'),
          (there) => !there,
        );
        expect(await large(bob)).toBe('');
      }
    });

    it('who comes later sees a screen on which nothing moves', async () => {
      const server = await stage.server('--bot', '0');
      const ada = await stage.person(kind, server, 'Ada');
      await giveScreen(kind, ada, { still: true });
      await ada.join('late');
      await ada.click('share');
      await until('Ada shares', () => ada.has('sharing'), Boolean);
      const bob = await stage.person('chromium', server, 'Bob');
      await bob.join('late', { viewer: true });
      await until(
        'Bob sees the screen',
        async () => Number(await bob.attribute('remote-screen', 'data-frames')),
        (n) => n > 0,
      );
    });
  });
}
