import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Failure, Phase } from '../call/types.ts';
import {
  Codes,
  type FromParticipant,
  type FromServer,
  type Join,
  type Welcome,
} from '../protocol/messages.gen.ts';
import { Connection } from './connection.ts';
import { CallError, UNREACHABLE } from './failure.ts';
import { paceOf } from './pace.ts';
import type { Purpose, Session, SessionHandlers, TransportName } from './transport.ts';

/** The server's side of one session. */
class FakeSession implements Session {
  readonly sent: FromParticipant[] = [];
  closed = false;

  constructor(
    readonly handlers: SessionHandlers,
    readonly rtt: number,
    readonly transport: TransportName,
  ) {}

  send(m: FromParticipant): void {
    this.sent.push(m);
  }

  datagram(): void {}

  openStream(): never {
    throw new Error('not here');
  }

  close(): void {
    this.closed = true;
  }

  get join(): Join {
    const [first] = this.sent;
    if (first?.type !== 'join') throw new Error('no join');
    return first;
  }

  static welcomes = 0;

  welcome(token: string, resumed = false, sessions = ++FakeSession.welcomes): void {
    const welcome: Welcome = {
      participant: 'me',
      room: 'demo',
      name: 'Ada',
      token,
      resumed,
      sessions,
      connection: token,
      report_interval_ms: 50,
      resume_window_ms: 30_000,
      participants: [],
    };
    this.handlers.message({ type: 'welcome', ...welcome });
  }

  goodbye(code: number): void {
    this.handlers.message({ type: 'goodbye', code, message: `because ${code}` });
  }
}

class World {
  readonly sessions: FakeSession[] = [];
  readonly phases: (Phase | [Phase, Failure])[] = [];
  readonly welcomes: string[] = [];
  readonly messages: FromServer[] = [];
  afresh: boolean[] = [];
  reachable = true;
  /** How long the opening of a session takes, two round trips, ms; Infinity: for ever. */
  opening = 0;
  /** Openings under way, and the most there ever were. */
  under = 0;
  mostUnder = 0;
  begun = 0;
  probes = 0;
  /** What a session comes over unless only one will do. */
  transport: TransportName = 'webtransport';
  readonly purposes: Purpose[] = [];
  readonly connection = new Connection({
    open: async (_target, handlers, signal, purpose) => {
      this.begun++;
      this.purposes.push(purpose);
      if (!this.reachable) throw new CallError(UNREACHABLE);
      const { opening } = this;
      await this.#open(signal);
      const session = new FakeSession(handlers, opening / 2, purpose.only ?? this.transport);
      this.sessions.push(session);
      return session;
    },
    target: async (afresh) => {
      this.afresh.push(afresh);
      return { url: '', hashes: [], websocket: '', emulated: false };
    },
    join: { room: 'demo', name: 'Ada', receive: ['vp8'] },
    upgrades: true,
    pace: paceOf({ userAgentData: {} }),
    handlers: {
      phase: (phase, failure) => this.phases.push(failure ? [phase, failure] : phase),
      welcome: (w) => this.welcomes.push(w.token),
      message: (m) => this.messages.push(m),
      datagram: () => undefined,
      stream: () => undefined,
      probe: () => {
        this.probes++;
      },
    },
  });

  async #open(signal: AbortSignal): Promise<void> {
    if (this.opening === 0) return;
    this.under++;
    this.mostUnder = Math.max(this.mostUnder, this.under);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
      if (Number.isFinite(this.opening)) setTimeout(resolve, this.opening);
    });
    this.under--;
    if (signal.aborted) throw new CallError(UNREACHABLE);
  }

  /** The newest session. */
  get last(): FakeSession {
    return this.sessions.at(-1) as FakeSession;
  }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Waits until a world has had `n` sessions. */
async function opened(world: World, n: number): Promise<void> {
  for (let t = 0; t < 10_000 && world.sessions.length < n; t += 50) await pass(50);
}

/** Lets the session talk, as replies to reports do. */
async function alive(session: FakeSession, ms: number): Promise<void> {
  for (let t = 0; t < ms; t += 50) {
    session.handlers.datagram(new Uint8Array(1));
    await pass(50);
  }
}

describe('Connection', () => {
  let world: World;

  beforeEach(async () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
    });
    world = new World();
    world.connection.start();
    await pass(0);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    world.connection.leave();
    vi.useRealTimers();
  });

  const joined = async () => {
    world.last.welcome('one');
    await pass(0);
    return world.last;
  };

  it('joins and passes messages on', async () => {
    expect(world.last.join).toMatchObject({ version: 1, room: 'demo', name: 'Ada', receive: ['vp8'] });
    expect(world.last.join.token).toBeUndefined();
    const session = await joined();
    expect(world.phases).toEqual(['connecting', 'connected']);
    session.handlers.message({ type: 'track_ended', track: 3 });
    expect(world.messages).toEqual([{ type: 'track_ended', track: 3 }]);
    await alive(session, 10_000);
    expect(world.sessions.length).toBe(1);
    expect(world.phases.length).toBe(2);
  });

  it('fails for good when it is refused', async () => {
    world.last.goodbye(Codes.roomFull);
    await pass(60_000);
    expect(world.phases.at(-1)).toEqual(['failed', { code: 'room-full', message: 'because 7' }]);
    expect(world.sessions.length).toBe(1);
  });

  it('gives up joining after a few attempts', async () => {
    const w = new World();
    w.reachable = false;
    w.connection.start();
    await pass(60_000);
    expect(w.phases).toEqual(['connecting', ['failed', UNREACHABLE]]);
    expect(w.afresh).toEqual([false, true, true]);
  });

  it('resumes with the token when the session is lost, as long as it takes', async () => {
    const first = await joined();
    await alive(first, 500);
    world.reachable = false;
    first.handlers.closed({ code: 'x', message: '' });
    expect(world.phases.at(-1)).toBe('connected'); // most are back before anybody has to know
    await pass(800);
    expect(world.phases.at(-1)).toBe('reconnecting');
    await pass(20_000);
    world.reachable = true;
    await opened(world, 2);
    expect(world.last.join.token).toBe('one');
    expect(world.last.join.silence_ms).toBeGreaterThan(20_000);
    world.last.welcome('two', true);
    await pass(0);
    expect(world.phases.at(-1)).toBe('connected');
    expect(world.welcomes).toEqual(['one', 'two']);
  });

  it('says which messages of the chat it has, also when it joins anew', async () => {
    expect(world.last.join.chat_after).toBeUndefined();
    const first = await joined();
    const message = { participant: 'bob', name: 'Bob', text: 'Hello', time: '2026-11-23T12:00:00Z' };
    for (const id of [7, 9]) first.handlers.message({ type: 'chat_message', id, ...message });
    first.handlers.closed({ code: 'x', message: '' });
    await pass(0);
    expect(world.last.join).toMatchObject({ token: 'one', chat_after: 9 });
    world.last.goodbye(Codes.badToken);
    await pass(0);
    expect(world.last.join.token).toBeUndefined();
    expect(world.last.join.chat_after).toBe(9);
  });

  it('replaces a silent session within 300 ms, and keeps it until the next is welcomed', async () => {
    world.opening = 60;
    const first = await joined();
    await pass(140);
    expect(world.begun).toBe(1);
    await pass(40);
    expect(world.begun).toBe(2);
    expect(world.sessions.length).toBe(1);
    await pass(60);
    expect(world.last.sent).toEqual([]);
    await pass(60);
    expect(world.last.join.token).toBe('one');
    expect(world.last.join.silence_ms).toBeGreaterThanOrEqual(150);
    expect(first.closed).toBe(false);
    world.last.welcome('two', true);
    await pass(0);
    expect(first.closed).toBe(true);
    expect(world.phases).toEqual(['connecting', 'connected']); // nobody was told
    first.handlers.closed({ code: 'x', message: '' }); // too late to matter
    first.goodbye(Codes.replaced);
    await alive(world.last, 5_000);
    expect(world.phases.at(-1)).toBe('connected');
    expect(world.sessions.length).toBe(2);
  });

  /** Lets the session be silent for so long, again and again, each time when it is not cautious any more; nothing may join. */
  async function survives(first: FakeSession, gaps: number[]): Promise<void> {
    for (const gap of gaps) {
      await pass(gap - 50); // as long as it has been silent already
      await alive(first, 11_000);
    }
    expect(world.begun).toBeGreaterThan(1); // it was suspected
    for (const unused of world.sessions.slice(1)) {
      expect(unused.sent).toEqual([]);
      expect(unused.closed).toBe(true);
    }
    expect(world.phases).toEqual(['connecting', 'connected']);
    expect(first.closed).toBe(false);
  }

  it.each([
    [10, 70],
    [70, 10],
    [31, 31],
    [10, 200],
  ])('leaves a session alone that survives a hard switch from RTT %d to %d ms', async (from, to) => {
    world.opening = 2 * to;
    const first = await joined();
    for (let i = 0; i < 20; i++) world.connection.measured(from);
    await alive(first, 500);
    // Our next packet leaves within 20 ms and the answer comes two round trips later, later if a packet is lost.
    await survives(first, [180, 50 + 2 * to, 100 + 2 * to, 150 + 2 * to]);
    world.opening += 100; // on a slow machine everything is late
    await survives(first, [250 + 2 * to, 290 + 2 * to]);
  });

  it.each([4, 10, 31, 70, 200])(
    'leaves a session alone that comes back although the other was opened right at the switch to RTT %d ms',
    async (rtt) => {
      world.opening = 2 * rtt;
      const first = await joined();
      await alive(first, 500);
      await survives(first, [150 + 25 + 2 * rtt]); // it fell silent long before the switch, as at the end of a walk
    },
  );

  it.each([10, 70])(
    'leaves a session alone that comes back although the other began before the switch to RTT %d ms',
    async (rtt) => {
      const first = await joined();
      await alive(first, 500);
      const lost = 120; // until the other sends again what the old network did not carry
      world.opening = lost + 2 * rtt;
      await survives(first, [150 + lost + 50 + 2 * rtt]);
    },
  );

  it('suspects later after a suspicion that was wrong', async () => {
    world.opening = 500;
    const first = await joined();
    await pass(220);
    expect(world.begun).toBe(2);
    await alive(first, 200);
    await pass(200);
    expect(world.begun).toBe(2);
    await pass(120);
    expect(world.begun).toBe(3);
  });

  it('lets a session that is ready wait for a moment and its round trip', async () => {
    world.opening = 200;
    await joined();
    await pass(460); // it was ready after 350
    expect(world.sessions.length).toBe(2);
    expect(world.last.sent).toEqual([]);
    await pass(50);
    expect(world.sessions[1]?.join.token).toBe('one');
  });

  it('does not count the time while the page stood still to that', async () => {
    const first = await joined();
    await pass(160);
    expect(world.sessions.length).toBe(2);
    const clock = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + 500);
    await pass(10); // the timer comes before what has arrived
    await alive(first, 1_000);
    expect(world.last.sent).toEqual([]);
    expect(world.last.closed).toBe(true);
  });

  it('does not try in vain while the browser knows of no network, and at once when it does', async () => {
    const first = await joined();
    vi.stubGlobal('navigator', { onLine: false });
    first.handlers.closed({ code: 'x', message: '' });
    await pass(950);
    expect(world.begun).toBe(1);
    vi.stubGlobal('navigator', { onLine: true });
    await pass(20);
    expect(world.begun).toBe(2);
    vi.unstubAllGlobals();
  });

  it('tries all the same when the browser keeps saying that there is no network', async () => {
    const first = await joined();
    vi.stubGlobal('navigator', { onLine: false });
    first.handlers.closed({ code: 'x', message: '' });
    await pass(1_050);
    expect(world.begun).toBe(2);
    vi.unstubAllGlobals();
  });

  it('goes back to a session that speaks again before the other has joined', async () => {
    const first = await joined();
    world.reachable = false;
    await pass(2_400);
    expect(world.phases.at(-1)).toBe('reconnecting');
    world.reachable = true;
    await alive(first, 10_000);
    expect(world.phases.at(-1)).toBe('connected');
    expect(world.sessions.length).toBe(1);
    expect(first.closed).toBe(false);
  });

  it('lets the server decide when the silent session speaks after the other has joined', async () => {
    const first = await joined();
    await pass(800);
    const next = world.sessions[1] as FakeSession;
    expect(next.join.token).toBe('one');
    expect(world.phases.at(-1)).toBe('reconnecting');
    await alive(first, 100);
    expect(world.phases.at(-1)).toBe('connected');
    expect(first.closed).toBe(false);
    first.goodbye(Codes.replaced);
    next.welcome('two', true);
    await alive(next, 1_000);
    expect(world.phases.at(-1)).toBe('connected');
    expect(world.welcomes).toEqual(['one', 'two']);
  });

  it('goes on when the session that has joined is lost and the silent one is back', async () => {
    const first = await joined();
    await pass(300);
    expect(world.last.join.token).toBe('one');
    await alive(first, 50);
    world.last.handlers.closed({ code: 'x', message: '' });
    const { begun } = world;
    await alive(first, 3_000);
    expect(world.begun).toBe(begun);
    expect(first.closed).toBe(false);
    expect(world.phases).toEqual(['connecting', 'connected']);
  });

  it('is over when another takes its place, though a join of its own was refused', async () => {
    const first = await joined();
    await pass(300);
    expect(world.last.join.token).toBe('one');
    await alive(first, 50);
    world.last.goodbye(Codes.internal);
    await alive(first, 1_000);
    expect(world.phases).toEqual(['connecting', 'connected']);
    const { begun } = world;
    first.goodbye(Codes.replaced); // not by us
    await pass(1_000);
    expect(world.phases.at(-1)).toMatchObject(['failed', {}]);
    expect(world.begun).toBe(begun);
  });

  it('opens at most two sessions at a time, again and again', async () => {
    await joined();
    world.opening = Number.POSITIVE_INFINITY;
    await pass(10_000);
    expect(world.mostUnder).toBe(2);
    expect(world.begun).toBeGreaterThan(4);
    expect(world.begun).toBeLessThan(20);
    world.opening = 50;
    await opened(world, 2);
    await pass(100);
    const next = world.sessions[1] as FakeSession;
    expect(next.join.silence_ms).toBeGreaterThan(10_000);
    next.welcome('two', true);
    await alive(next, 5_000);
    expect(world.under).toBe(0);
    expect(world.phases.at(-1)).toBe('connected');
  });

  it('never asks twice at a time, but asks again when the join was lost', async () => {
    await joined();
    await pass(250);
    expect(world.sessions[1]?.join.token).toBe('one');
    const asked = () => world.sessions.filter((s) => s.sent.length > 0).length;
    await pass(800);
    expect(asked()).toBe(2); // the first session's own join, and one
    await pass(500);
    expect(asked()).toBe(3);
    world.sessions.findLast((s) => s.sent.length > 0)?.goodbye(Codes.badToken); // the other was not lost
    await pass(100);
    world.sessions[1]?.welcome('two', true);
    await pass(0);
    expect(world.phases.at(-1)).toBe('connected');
    expect(world.welcomes).toEqual(['one', 'two']);
    await alive(world.sessions[1] as FakeSession, 5_000); // the server may yet have taken the other
    expect(world.sessions.filter((s) => !s.closed)).toEqual([world.sessions[1]]);
  });

  it('does not take a page that stood still for a silent network', async () => {
    const first = await joined();
    await alive(first, 200);
    const clock = performance.now.bind(performance);
    let stalled = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + stalled);
    for (let i = 0; i < 20; i++) {
      stalled += 900;
      await pass(10); // the timer comes before what has arrived
      await alive(first, 100);
    }
    expect(world.begun).toBe(1);
    expect(world.phases).toEqual(['connecting', 'connected']);
  });

  it('sends something on a session that is suspect, again and again', async () => {
    const first = await joined();
    await alive(first, 1_000);
    expect(world.probes).toBe(0);
    world.opening = 400;
    await pass(110); // it has been silent for 50 ms already
    expect(world.probes).toBe(1);
    await pass(100);
    expect(world.probes).toBeGreaterThanOrEqual(4);
    const before = world.probes;
    await alive(first, 500);
    expect(world.probes).toBe(before);
  });

  /** Two joins were sent with the same token, because the answer to the first was late. */
  async function twoJoins(): Promise<[FakeSession, FakeSession, FakeSession]> {
    const zero = await joined();
    await pass(2_000);
    const asked = world.sessions.slice(1).filter((s) => s.sent.length > 0);
    expect(asked.map((s) => s.join.token)).toEqual(['one', 'one']);
    return [zero, ...(asked as [FakeSession, FakeSession])];
  }

  it('goes on with the newest welcome when the server took two joins', async () => {
    const [zero, one, two] = await twoJoins();
    one.welcome('two', true);
    await pass(0);
    expect(zero.closed).toBe(true);
    expect(two.closed).toBe(false);
    one.goodbye(Codes.replaced); // the server took the other, too
    await pass(100);
    two.welcome('three', true);
    await alive(two, 3_000);
    expect(world.welcomes).toEqual(['one', 'two', 'three']);
    expect(one.closed).toBe(true);
    expect(world.phases).toEqual(['connecting', 'connected', 'reconnecting', 'connected']);
  });

  it('is not led back by a welcome that was overtaken', async () => {
    const [, one, two] = await twoJoins();
    two.welcome('three', true, 1_000);
    one.welcome('two', true, 999);
    one.goodbye(Codes.replaced);
    await alive(two, 3_000);
    expect(world.welcomes).toEqual(['one', 'three']);
    expect(one.closed).toBe(true);
    expect(two.closed).toBe(false);
    expect(world.phases.at(-1)).toBe('connected');
  });

  it('goes on with the first welcome when the server refused the second join', async () => {
    const [, one, two] = await twoJoins();
    one.welcome('two', true);
    two.goodbye(Codes.badToken);
    await alive(one, 3_000);
    expect(two.closed).toBe(true);
    expect(one.closed).toBe(false);
    expect(world.welcomes).toEqual(['one', 'two']);
    expect(world.phases.at(-1)).toBe('connected');
  });

  /** Over TCP, since UDP did not pass when it joined. */
  async function overTCP(): Promise<[World, FakeSession]> {
    const w = new World();
    w.transport = 'websocket';
    w.connection.start();
    await pass(0);
    w.last.welcome('one');
    await pass(0);
    return [w, w.last];
  }

  it('returns from TCP to UDP when that passes, and misses nothing', async () => {
    const [w, tcp] = await overTCP();
    w.opening = 60;
    await alive(tcp, 1_000);
    expect(w.begun).toBe(2);
    expect(w.purposes[1]).toEqual({ resume: true, before: 'websocket', only: 'webtransport' });
    await alive(tcp, 100);
    expect(w.last.join.token).toBe('one');
    expect(tcp.closed).toBe(false); // it carries the call until the other is welcomed
    w.last.welcome('two', true);
    await alive(w.last, 100_000);
    expect(tcp.closed).toBe(true);
    expect(w.begun).toBe(2);
    expect(w.phases).toEqual(['connecting', 'connected']);
    w.connection.leave();
  });

  it('asks less and less often whether UDP passes', async () => {
    const [w, tcp] = await overTCP();
    w.opening = Number.POSITIVE_INFINITY;
    await alive(tcp, 60_000);
    expect(w.begun).toBe(1 + 3); // after 1, 5 and 20 s, each of which takes 5
    await alive(tcp, 120_000);
    expect(w.begun).toBeLessThanOrEqual(1 + 5);
    expect(w.under).toBeLessThanOrEqual(1);
    expect(w.phases).toEqual(['connecting', 'connected']);
    expect(tcp.closed).toBe(false);
    w.connection.leave();
    await pass(100_000);
    expect(w.begun).toBeLessThanOrEqual(1 + 5);
  });

  it('does not take over to UDP while the session over TCP is being replaced', async () => {
    const [w, tcp] = await overTCP();
    w.opening = 400;
    await alive(tcp, 950);
    await pass(600); // silent: others are opened
    const asked = w.sessions.slice(1).filter((s) => s.sent.length > 0);
    expect(asked.length).toBeLessThanOrEqual(1);
    w.connection.leave();
  });

  it('joins anew when it is too late to resume', async () => {
    const first = await joined();
    first.handlers.closed({ code: 'x', message: '' });
    await pass(0);
    world.last.goodbye(Codes.badToken);
    await pass(0);
    expect(world.sessions.length).toBe(3);
    expect(world.last.join.token).toBeUndefined();
    world.last.welcome('three');
    await pass(0);
    expect(world.phases.at(-1)).toBe('connected');
  });

  it('comes back after the server went away', async () => {
    const first = await joined();
    world.reachable = false;
    first.goodbye(Codes.goingAway);
    expect(first.closed).toBe(true);
    expect(world.messages.at(-1)).toMatchObject({ type: 'goodbye', code: Codes.goingAway }); // for people
    await pass(30_000);
    expect(world.phases.at(-1)).toBe('reconnecting');
    world.reachable = true;
    await opened(world, 2);
    world.last.welcome('two');
    await pass(0);
    expect(world.phases.at(-1)).toBe('connected');
    expect(world.afresh.at(-1)).toBe(true);
  });

  it('tries again when a session never answers', async () => {
    await pass(5_500);
    expect(world.sessions.length).toBe(2);
    expect(world.sessions[0]?.closed).toBe(true);
    world.sessions[0]?.welcome('late');
    expect(world.welcomes).toEqual([]);
  });

  it('says goodbye when leaving, and is silent afterwards', async () => {
    const session = await joined();
    world.connection.leave();
    expect(session.sent.at(-1)).toEqual({ type: 'leave' });
    await pass(60_000);
    expect(session.closed).toBe(true);
    expect(world.phases.at(-1)).toBe('left');
    expect(world.sessions.length).toBe(1);
  });
});
