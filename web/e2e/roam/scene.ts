// One call: the server with its test participant, somebody who watches, and somebody who walks. Runs in the client's namespace.

import type { ConnectionSnapshot, HandoverReport, PathEventData } from '../../src/protocol/messages.gen.ts';
import { BINARY } from '../harness/build.ts';
import { Events } from '../harness/events.ts';
import { pause, until } from '../harness/wait.ts';
import { apply, type Change, prepare } from './changes.ts';
import { longestGap } from './frames.ts';
import { joinAs, type Mover, type MoverKind, NAME, ROOM, type ViewerKind, watchAs } from './movers.ts';
import { Running } from './shell.ts';
import { SERVER_PORT, type Side, type Testbed } from './testbed.ts';
import { Tunnel } from './tunnel.ts';

/** The page on the server's own loopback. */
const HTTP_PORT = 8080;
/** With nothing to be seen for this long, a direction has stopped for good. */
export const NEVER_MS = 40_000;
/** A change is watched for at least this long ... */
const WATCH_MS = 2_500;
/** ... and until there was no longer gap than CALM_GAP_MS for CALM_MS. Before a change it must have been so, too. */
const CALM_MS = 1_500;
const CALM_GAP_MS = 400;
/** Reports come 1.5 s after a switch, or up to 2 s later if somebody does not answer. */
const REPORT_MS = 5_000;

/** What a change did. Milliseconds; null is "not back within NEVER_MS", or not measured where `measured` says so. */
export interface Result {
  mover: MoverKind;
  change: Change;
  from: Side;
  /** In the order of the server's events, with "+" between; "none" if it saw no change; "dropped" if the call had to be joined again. */
  verdict: string;
  /** At the viewer: the longest interval between drawn frames of the one who walks; between arrivals if the viewer is a native participant. */
  up: Direction;
  /** At the one who walks: the same of the test participant. */
  down: Direction;
  report: HandoverReport | null;
}

export interface Direction {
  gap: number | null;
  /** Where there was no network for a while: from the moment that there was one again to the first frame. */
  back: number | null;
  /** The longest interval in the two seconds before, which is what this machine's load does. */
  before: number | null;
  /** Whether the drawing itself was watched; if not, `gap` is what the participant told the server, of drawn frames or of arrivals. */
  drawn: boolean;
}

type Times = (since: number) => Promise<number[] | null>;

export class Scene {
  #mover: Mover | null = null;
  #self = '';
  private constructor(
    readonly testbed: Testbed,
    readonly kind: MoverKind,
    readonly server: Running,
    readonly tunnel: Tunnel,
    readonly events: Events,
    readonly viewer: Pick<Mover, 'times' | 'close'>,
  ) {}

  static async open(testbed: Testbed, kind: MoverKind, viewerKind: ViewerKind): Promise<Scene> {
    const undo: (() => Promise<void>)[] = [];
    try {
      const addr = `:${SERVER_PORT}`;
      const http = `127.0.0.1:${HTTP_PORT}`;
      const server = new Running(testbed.server, BINARY, [
        ...['serve', '--addr', addr, '--http', http],
        ...['--no-lab', '--bot', '1'],
      ]);
      undo.push(() => server.stop());
      await server.says(/is ready/);
      const tunnel = await Tunnel.open(testbed.server, HTTP_PORT);
      undo.push(() => tunnel.close());
      const events = await Events.follow(tunnel.origin);
      undo.push(async () => events.close());
      const viewer = await watchAs(viewerKind, testbed, tunnel.origin);
      undo.push(() => viewer.close());
      const scene = new Scene(testbed, kind, server, tunnel, events, viewer);
      undo.push(async () => scene.#mover?.close());
      await scene.#join();
      return scene;
    } catch (error) {
      for (const f of undo.reverse()) await f().catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#mover?.close();
    await this.viewer.close();
    this.events.close();
    await this.tunnel.close();
    await this.server.stop();
  }

  evidence(): string {
    const events = this.events.all.slice(-60).map((e) => JSON.stringify(e));
    const parts = [
      'the one who walks:',
      this.#mover?.evidence() ?? '',
      'server:',
      this.server.log.slice(-4_000),
    ];
    return [...parts, 'events:', ...events].join('\n');
  }

  /** Lets one change happen and measures it. */
  async run(change: Change): Promise<Result> {
    await this.#calm();
    await prepare(this.testbed, change, await this.#inUse());
    await pause(500 + Math.random() * 300); // so that changes meet every phase of the frames
    await this.#calm();
    const active = await this.#inUse();
    const after = this.events.newest;
    const happened = await apply(this.testbed, change, active);
    const end = await this.#watch(happened.began);
    const verdict = await this.#verdict(after);
    const gone = (await this.#gone()) ?? (end === null ? 'it does not come back' : null);
    const to = end ?? Date.now();
    const report = this.#report(after);
    const direction = (times: Times, way: 'up' | 'down') =>
      this.#direction(times, happened, to, report?.[way]);
    const result: Result = {
      mover: this.kind,
      change,
      from: active,
      verdict: gone ? 'dropped' : verdict,
      up: await direction(await this.#upTimes(), 'up'),
      down: await direction(await this.#downTimes(), 'down'),
      report,
    };
    await happened.restore();
    if (gone) {
      await this.#mover?.close();
      this.#mover = null;
      await this.#join();
    }
    return result;
  }

  async #join(): Promise<void> {
    this.#mover = await joinAs(this.kind, this.testbed, this.tunnel.origin);
    const people = await this.#people();
    this.#self = people.find((p) => p.name === NAME)?.id ?? '';
    await this.#calm();
  }

  async #people(): Promise<{ id: string; name: string; test: boolean }[]> {
    const calls = (await this.#get('/api/calls')) as { room: string; participants: [] }[];
    return calls.find((c) => c.room === ROOM)?.participants ?? [];
  }

  async #get(path: string): Promise<unknown> {
    return (await fetch(this.tunnel.origin + path)).json();
  }

  async #gone(): Promise<string | null> {
    return this.#mover ? this.#mover.gone() : 'it was never there';
  }

  /** Frames of the one who walks, at the viewer. */
  async #upTimes(): Promise<Times> {
    const self = this.#self;
    return (since) => this.viewer.times(self, since);
  }

  /** Frames of the test participant, at the one who walks. */
  async #downTimes(): Promise<Times> {
    const bot = (await this.#people()).find((p) => p.test)?.id ?? '';
    const mover = this.#mover;
    return async (since) => (mover ? mover.times(bot, since) : null);
  }

  /** The network over which the server is reached now, by the address that the server sees. */
  async #inUse(): Promise<Side> {
    const all = (await this.#get('/api/connections')) as ConnectionSnapshot[];
    const own = all.filter((c) => c.participant === this.#self && c.state === 'open');
    own.sort((a, b) => Date.parse(b.started) - Date.parse(a.started));
    const remote = own[0]?.paths.find((p) => p.state === 'active')?.remote ?? '';
    const side = this.testbed.sideOf(remote);
    if (!side) throw new Error(`the server sees ${NAME} at ${JSON.stringify(own[0]?.paths)}`);
    return side;
  }

  /** Waits until media flows in both directions without interruption. */
  async #calm(): Promise<void> {
    const [up, down] = [await this.#upTimes(), await this.#downTimes()];
    const now = Date.now();
    // Where nobody's drawing is watched, only time tells; and the reports cover as much time before a change.
    if ((await up(now)) === null && (await down(now)) === null) return pause(2 * CALM_MS);
    await until(
      `media of ${this.kind} runs in both directions`,
      async () => [await lately(up), await lately(down)],
      (gaps) => gaps.every((g) => g < CALM_GAP_MS),
      NEVER_MS,
    );
  }

  /** Waits until a change is over; null if it does not end well. */
  async #watch(began: number): Promise<number | null> {
    const [up, down] = [await this.#upTimes(), await this.#downTimes()];
    await pause(began + WATCH_MS - Date.now());
    while (Date.now() < began + NEVER_MS) {
      if ((await lately(up)) < CALM_GAP_MS && (await lately(down)) < CALM_GAP_MS) return Date.now();
      if (await this.#gone()) return null;
      await pause(100);
    }
    return null;
  }

  /** What the server said of the change. */
  async #verdict(after: number): Promise<string> {
    const own = (e: PathEventData) => e.id > after && e.participant === this.#self;
    const moves = () =>
      this.events.all.filter((e) => own(e) && (e.type === 'path_switched' || e.type === 'session_resumed'));
    // A change without an event is known to be one only after the time that a report would take.
    const end = Date.now() + (moves().length > 0 ? REPORT_MS : 1_000);
    while (!this.#report(after) && Date.now() < end) await pause(50);
    const all = moves().map((e) => (e.type === 'session_resumed' ? 'resumed' : (e.verdict ?? '?')));
    return [...new Set(all)].join('+') || 'none';
  }

  #report(after: number): HandoverReport | null {
    const own = this.events.all.filter((e) => e.id > after && e.participant === this.#self && e.report);
    return own.at(-1)?.report ?? null;
  }

  async #direction(
    times: Times,
    happened: { began: number; usable: number },
    to: number,
    reported: HandoverReport['up'] | undefined,
  ): Promise<Direction> {
    const all = await times(happened.began - NEVER_MS);
    if (!all) {
      const gap = reported?.measured ? reported.longest_gap_ms : null;
      const before = reported?.measured ? reported.usual_gap_ms : null;
      return { gap, back: null, before, drawn: false };
    }
    const gap = longestGap(all, happened.began, to);
    const next = all.find((t) => t >= happened.usable);
    return {
      gap: gap < NEVER_MS && next !== undefined ? gap : null,
      back: next === undefined || happened.usable === happened.began ? null : next - happened.usable,
      before: longestGap(all, happened.began - 2_000, happened.began),
      drawn: true,
    };
  }
}

/** The longest gap of the time just past. Where drawing is not watched it is not known, and 0. */
async function lately(times: Times): Promise<number> {
  const now = Date.now();
  const all = await times(now - 2 * CALM_MS);
  return all ? longestGap(all, now - CALM_MS, now) : 0;
}
