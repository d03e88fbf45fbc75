// What a test file needs: browsers and a server that are started when first asked for, and everything about a failed test in out/.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext } from 'puppeteer-core';
import { type Kind, type Launched, type LaunchOptions, launchBrowser } from './browsers.ts';
import { OUT } from './build.ts';
import { Person } from './person.ts';
import { Server } from './server.ts';

const NO_OPTIONS: LaunchOptions = {};

export class Stage {
  #browsers = new Map<string, Promise<Launched>>();
  #servers: Server[] = [];
  #people: Person[] = [];

  /** Starts a server that ends with the test. */
  async server(...flags: string[]): Promise<Server> {
    const server = await Server.start(...flags);
    this.#servers.push(server);
    return server;
  }

  /** Starts a server again on the same ports. */
  async again(server: Server): Promise<Server> {
    const next = await server.again();
    this.#servers.push(next);
    return next;
  }

  /** A new person at a browser of their own: nothing is shared with others but the process, which is kept for the whole file. */
  async person(
    kind: Kind,
    server: Server,
    name: string,
    options: LaunchOptions = NO_OPTIONS,
  ): Promise<Person> {
    const key = kind + JSON.stringify(options);
    let launched = this.#browsers.get(key);
    if (!launched) {
      launched = launchBrowser(kind, options);
      this.#browsers.set(key, launched);
    }
    const { browser } = await launched;
    const context: BrowserContext = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width: 1280, height: 800 });
    const person = new Person(page, context, name, server.origin);
    this.#people.push(person);
    return person;
  }

  /** Ends people and servers. Throws if a server does not end well. */
  async clear(): Promise<void> {
    const people = this.#people.splice(0);
    const servers = this.#servers.splice(0);
    await Promise.allSettled(people.map((p) => p.close()));
    for (const server of servers) await server.stop();
  }

  async close(): Promise<void> {
    await this.clear();
    const browsers = [...this.#browsers.values()];
    this.#browsers.clear();
    for (const launched of await Promise.allSettled(browsers)) {
      if (launched.status === 'fulfilled') await launched.value.close();
    }
  }

  /** Writes what people saw, what pages said and what the servers did. */
  async evidence(name: string): Promise<void> {
    const folder = join(OUT, 'failed', name.replace(/[^a-z0-9]+/gi, '-').slice(0, 100));
    await mkdir(folder, { recursive: true });
    await Promise.allSettled(
      this.#people.map(async (p) => {
        await writeFile(join(folder, `${p.name}.console.txt`), p.console.join('\n'));
        await writeFile(join(folder, `${p.name}.html`), await p.page.content());
        await p.page.screenshot({ path: join(folder, `${p.name}.png`) as `${string}.png` });
      }),
    );
    await Promise.allSettled(
      this.#servers.map(async (s, i) => {
        await writeFile(join(folder, `server-${i}.log`), s.log);
        await writeFile(
          join(folder, `server-${i}.events.jsonl`),
          s.events.all.map((e) => JSON.stringify(e)).join('\n'),
        );
      }),
    );
    console.error(`what happened is in ${folder}`);
  }
}
