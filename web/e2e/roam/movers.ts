// Those who walk: each kind of client that a call can have, joined from the client's namespace.

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BINARY } from '../harness/build.ts';
import { until } from '../harness/wait.ts';
import { type Visitor, visit } from './browser.ts';
import { Running, run } from './shell.ts';
import { SERVER_ADDRESS, SERVER_PORT, type Testbed } from './testbed.ts';

export const MOVERS = ['chromium', 'companion', 'firefox', 'native', 'websocket'] as const;
export type MoverKind = (typeof MOVERS)[number];

export const TITLES: Record<MoverKind, string> = {
  chromium: 'Chromium',
  companion: 'Chromium through the companion',
  firefox: 'Firefox',
  native: 'native participant',
  websocket: 'Chromium over WebSocket',
};

export const ROOM = 'roam';
export const NAME = 'Ada';
const ORIGIN = `https://${SERVER_ADDRESS}:${SERVER_PORT}`;

/** Somebody in the call who changes network. */
export interface Mover {
  /** When frames of a participant were drawn here since `from`; null where that is not known, so that only the handover's report tells. */
  times(participant: string, from: number): Promise<number[] | null>;
  /** Why it is not in the call any more; null while it is, even if it is reconnecting. */
  gone(): Promise<string | null>;
  /** What can be told of it if something goes wrong. */
  evidence(): string;
  close(): Promise<void>;
}

export class CannotRun extends Error {}

/** Joins the call as NAME. Throws CannotRun if this kind does not exist here. */
export async function joinAs(kind: MoverKind, testbed: Testbed, api: string): Promise<Mover> {
  switch (kind) {
    case 'chromium':
    case 'firefox':
      return browse(await visit(kind, { name: NAME, origin: ORIGIN, camera: true }));
    case 'companion':
      return companion(testbed);
    case 'native':
      return program(testbed.client, api, NAME, ['--interface', 'wlan', '--interface', 'wwan']);
    case 'websocket':
      return webSocket(testbed);
  }
}

async function browse(
  visitor: Visitor,
  closeToo: () => Promise<void> = async () => undefined,
): Promise<Mover> {
  const { person, frames } = visitor;
  const close = async () => {
    await visitor.close();
    await closeToo();
  };
  try {
    await person.join(ROOM);
  } catch (error) {
    const said = person.console.slice(-10).join('\n');
    await close();
    throw new Error(`${String(error)}\n${said}`);
  }
  return {
    times: async (participant, from) => frames?.times(participant, from) ?? null,
    async gone() {
      const phase = await person.attribute('phase', 'data-phase');
      return phase === 'connected' || phase === 'reconnecting' ? null : `the page is ${phase}`;
    },
    evidence: () => person.console.slice(-40).join('\n'),
    close,
  };
}

/** Whether the binary has a command; it may be older than these tests. */
async function needs(command: string): Promise<void> {
  const help = await run(BINARY, [command, '--help']).catch(String);
  if (!help.includes(`roamcall ${command}`)) throw new CannotRun(`there is no "roamcall ${command}"`);
}

async function companion(testbed: Testbed): Promise<Mover> {
  await needs('link');
  // What it knows of servers is kept in a home of its own.
  const home = await mkdtemp(join(tmpdir(), 'roamcall-link-'));
  const env = [`HOME=${home}`, 'XDG_CONFIG_HOME=', 'XDG_STATE_HOME='];
  const link = new Running(testbed.client, 'env', [
    ...env,
    BINARY,
    'link',
    '--server',
    ORIGIN,
    '--http',
    '127.0.0.1:8090',
  ]);
  const stop = async () => {
    await link.stop();
    await rm(home, { recursive: true, force: true });
  };
  try {
    const [, origin = ''] = await link.says(/open (http:\/\/\S+)/);
    const visitor = await visit('chromium', { name: NAME, origin, camera: true });
    const mover = await browse(visitor);
    return {
      ...mover,
      evidence: () => `${mover.evidence()}\n${link.log}`,
      async close() {
        await mover.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Those who watch: a browser that draws, or a native participant, which leaves the machine to the one who walks and counts whole frames as they arrive. */
export const VIEWERS = ['chromium', 'native'] as const;
export type ViewerKind = (typeof VIEWERS)[number];
const WATCHER = 'Vic';

/** Joins the call to watch, without a camera. */
export async function watchAs(
  kind: ViewerKind,
  testbed: Testbed,
  api: string,
): Promise<Pick<Mover, 'times' | 'close'>> {
  if (kind === 'native') return program(testbed.viewer, api, WATCHER, ['--video', 'off', '--audio', 'off']);
  const visitor = await visit('chromium', {
    name: WATCHER,
    origin: ORIGIN,
    namespace: testbed.viewer,
    camera: false,
  });
  try {
    await visitor.person.join(ROOM, { viewer: true });
  } catch (error) {
    await visitor.close();
    throw error;
  }
  return {
    times: async (participant, from) => visitor.frames?.times(participant, from) ?? null,
    close: () => visitor.close(),
  };
}

/** A native participant. */
async function program(namespace: string, api: string, name: string, flags: string[]): Promise<Mover> {
  await needs('join');
  const config = (await (await fetch(`${api}/api/config`)).json()) as {
    certificate_hashes: { value: string }[];
  };
  const args = ['join', `${ORIGIN}/call/${ROOM}`, '--name', name, ...flags];
  for (const { value } of config.certificate_hashes) args.push('--pin', value);
  const program = new Running(namespace, BINARY, args);
  await until(`${name} is in the call`, async () => program.ended || (await present(api, name)), Boolean);
  return {
    times: async () => null,
    gone: async () => (program.ended ? `it ended: ${program.log.slice(-500)}` : null),
    evidence: () => program.log.slice(-4_000),
    close: () => program.stop(),
  };
}

async function present(api: string, name: string): Promise<boolean> {
  const calls = (await (await fetch(`${api}/api/calls`)).json()) as { participants: { name: string }[] }[];
  return calls.some((c) => c.participants.some((p) => p.name === name));
}

async function webSocket(testbed: Testbed): Promise<Mover> {
  await testbed.blockUDP(true);
  try {
    const visitor = await visit('chromium', { name: NAME, origin: ORIGIN, camera: true });
    return await browse(visitor, () => testbed.blockUDP(false));
  } catch (error) {
    await testbed.blockUDP(false);
    throw new CannotRun(`without UDP the call was not joined: ${String(error).slice(0, 300)}`);
  }
}

/** Why a kind cannot run on this machine at all, or null. */
export function missing(kind: MoverKind, viewer: ViewerKind): string | null {
  const need = kind === 'firefox' ? ['/usr/bin/firefox-esr', '/usr/bin/pulseaudio'] : [];
  if (viewer === 'chromium' || ['chromium', 'companion', 'websocket'].includes(kind))
    need.push(process.env.CHROMIUM || '/usr/bin/chromium');
  const absent = need.filter((p) => !existsSync(p));
  return absent.length > 0 ? `${absent.join(' and ')} not installed` : null;
}
