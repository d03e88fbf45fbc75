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
import type { Session, SessionHandlers } from './transport.ts';

/** The server's side of one session. */
class FakeSession implements Session {
  readonly sent: FromParticipant[] = [];
  closed = false;

  constructor(readonly handlers: SessionHandlers) {}

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

  welcome(token: string, resumed = false): void {
    const welcome: Welcome = {
      participant: 'me',
      room: 'demo',
      name: 'Ada',
      token,
      resumed,
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
  readonly connection = new Connection({
    open: async (_target, handlers) => {
      if (!this.reachable) throw new CallError(UNREACHABLE);
      const session = new FakeSession(handlers);
      this.sessions.push(session);
      return session;
    },
    target: async (afresh) => {
      this.afresh.push(afresh);
      return { url: '', hashes: [] };
    },
    join: { room: 'demo', name: 'Ada', receive: ['vp8'] },
    handlers: {
      phase: (phase, failure) => this.phases.push(failure ? [phase, failure] : phase),
      welcome: (w) => this.welcomes.push(w.token),
      message: (m) => this.messages.push(m),
      datagram: () => undefined,
      stream: () => undefined,
    },
  });

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
    await pass(500);
    world.reachable = false;
    first.handlers.closed({ code: 'x', message: '' });
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

  it('replaces a silent session, and keeps it until the next is welcomed', async () => {
    const first = await joined();
    await pass(1_900);
    expect(world.phases.at(-1)).toBe('connected');
    await pass(200);
    expect(world.phases.at(-1)).toBe('reconnecting');
    expect(first.closed).toBe(false);
    expect(world.sessions.length).toBe(2);
    world.last.welcome('two', true);
    await pass(0);
    expect(first.closed).toBe(true);
    expect(world.phases.at(-1)).toBe('connected');
    first.handlers.closed({ code: 'x', message: '' }); // too late to matter
    first.goodbye(Codes.replaced);
    await alive(world.last, 5_000);
    expect(world.phases.at(-1)).toBe('connected');
    expect(world.sessions.length).toBe(2);
  });

  it('goes back to a session that speaks again before the other has joined', async () => {
    const w = new World();
    w.connection.start();
    await pass(0);
    w.last.welcome('one');
    w.reachable = false;
    await pass(2_400);
    expect(w.phases.at(-1)).toBe('reconnecting');
    const [first] = w.sessions as [FakeSession];
    w.reachable = true;
    await alive(first, 10_000);
    expect(w.phases.at(-1)).toBe('connected');
    expect(w.sessions.length).toBe(1);
    expect(first.closed).toBe(false);
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
    expect(world.phases.at(-1)).toBe('reconnecting');
    expect(first.closed).toBe(true);
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
