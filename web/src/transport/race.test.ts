import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallError, LOST, UNREACHABLE } from './failure.ts';
import { race } from './race.ts';
import type { OpenSession, Purpose, Session, SessionHandlers, Target, TransportName } from './transport.ts';

const target: Target = { url: '', hashes: [], websocket: '', emulated: false };
const joining: Purpose = { resume: false, before: null };
const resuming: Purpose = { resume: true, before: 'webtransport' };

/** A transport that is ready, or fails, after some time. */
class Transport {
  begunAt = Number.NaN;
  aborted = false;
  closed = false;
  handlers: SessionHandlers | null = null;

  constructor(
    readonly name: TransportName,
    readonly after: number,
    readonly fails = false,
  ) {}

  readonly open: OpenSession = (_target, handlers, signal) => {
    this.begunAt = performance.now();
    this.handlers = handlers;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.aborted = true;
        reject(new CallError(UNREACHABLE));
      });
      if (!Number.isFinite(this.after)) return;
      setTimeout(() => {
        if (this.fails) reject(new CallError(UNREACHABLE));
        else resolve(this.#session());
      }, this.after);
    });
  };

  #session(): Session {
    return {
      transport: this.name,
      rtt: 0,
      send: () => undefined,
      datagram: () => undefined,
      openStream: () => {
        throw new Error('not here');
      },
      close: () => {
        this.closed = true;
      },
    };
  }
}

const handlers: SessionHandlers = {
  message: () => undefined,
  datagram: () => undefined,
  stream: () => undefined,
  closed: () => undefined,
};

describe('race', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  async function run(
    wt: Transport | null,
    ws: Transport | null,
    o: { purpose?: Purpose; target?: Target; handlers?: SessionHandlers; signal?: AbortSignal } = {},
  ): Promise<{ winner: string; ms: number }> {
    const start = performance.now();
    let ms = Number.NaN;
    const open = race({ webtransport: wt?.open ?? null, websocket: ws?.open ?? null });
    const done = open(
      o.target ?? target,
      o.handlers ?? handlers,
      o.signal ?? new AbortController().signal,
      o.purpose ?? joining,
    ).then(
      (s) => s.transport as string,
      (e: unknown) => (e as CallError).failure.code,
    );
    void done.then(() => {
      ms = performance.now() - start;
    });
    await vi.advanceTimersByTimeAsync(10_000);
    return { winner: await done, ms };
  }

  const wt = (after: number, fails = false) => new Transport('webtransport', after, fails);
  const ws = (after: number, fails = false) => new Transport('websocket', after, fails);
  const never = Number.POSITIVE_INFINITY;

  it('makes no TCP connection where UDP passes', async () => {
    const other = ws(10);
    expect(await run(wt(300), other)).toEqual({ winner: 'webtransport', ms: 300 });
    expect(other.begunAt).toBeNaN();
  });

  it('prefers WebTransport within a second, and closes the WebSocket', async () => {
    const other = ws(20);
    expect(await run(wt(990), other)).toEqual({ winner: 'webtransport', ms: 990 });
    expect(other.closed).toBe(true);
  });

  it('takes the WebSocket after a second, and calls WebTransport off', async () => {
    const other = wt(never);
    expect(await run(other, ws(20))).toEqual({ winner: 'websocket', ms: 1_000 });
    expect(other.aborted).toBe(true);
    const late = wt(1_200);
    expect(await run(late, ws(20))).toEqual({ winner: 'websocket', ms: 1_000 });
  });

  it('takes what is ready first after a second', async () => {
    expect(await run(wt(1_100), ws(700))).toEqual({ winner: 'webtransport', ms: 1_100 });
    expect(await run(wt(1_300), ws(700))).toEqual({ winner: 'websocket', ms: 1_200 });
  });

  it('does not wait for what has failed', async () => {
    expect(await run(wt(30, true), ws(20))).toEqual({ winner: 'websocket', ms: 50 });
    expect(await run(wt(600, true), ws(20))).toEqual({ winner: 'websocket', ms: 600 });
    expect(await run(wt(2_000), ws(20, true))).toEqual({ winner: 'webtransport', ms: 2_000 });
    expect((await run(wt(30, true), ws(20, true))).winner).toBe('unreachable');
  });

  it('uses the only one there is at once', async () => {
    expect(await run(null, ws(20))).toEqual({ winner: 'websocket', ms: 20 });
    expect(await run(wt(20), null)).toEqual({ winner: 'webtransport', ms: 20 });
    expect((await run(null, null)).winner).toBe('unreachable');
  });

  it('resumes over the WebSocket soon', async () => {
    expect(await run(wt(never), ws(20), { purpose: resuming })).toEqual({ winner: 'websocket', ms: 620 });
  });

  it('resumes a call over TCP there, and tries UDP where TCP fails or does not answer', async () => {
    const purpose: Purpose = { resume: true, before: 'websocket' };
    const udp = wt(5);
    expect(await run(udp, ws(20), { purpose })).toEqual({ winner: 'websocket', ms: 20 });
    expect(udp.begunAt).toBeNaN();
    expect(await run(wt(5), ws(never), { purpose })).toEqual({ winner: 'webtransport', ms: 1_005 });
    expect(await run(wt(5), ws(20, true), { purpose })).toEqual({ winner: 'webtransport', ms: 25 });
  });

  it('leaves UDP alone while there is no network at all', async () => {
    vi.stubGlobal('navigator', { onLine: false });
    const udp = wt(5);
    const purpose: Purpose = { resume: true, before: 'websocket' };
    expect((await run(udp, ws(20, true), { purpose })).winner).toBe('unreachable');
    expect(udp.begunAt).toBeNaN();
    vi.unstubAllGlobals();
  });

  it('does not go around an emulated network', async () => {
    const other = ws(20);
    const lab = { ...target, emulated: true };
    await run(wt(2_000), other, { purpose: resuming, target: lab });
    expect(other.begunAt).toBeNaN();
    expect(await run(wt(never), ws(20), { target: lab })).toEqual({ winner: 'websocket', ms: 1_000 });
    const back: Purpose = { resume: true, before: 'websocket' }; // which it was not heard over in the first place
    expect(await run(wt(never), ws(20), { purpose: back, target: lab })).toEqual({
      winner: 'websocket',
      ms: 20,
    });
  });

  it('tells of the end of the winner only', async () => {
    const closed = vi.fn();
    const first = wt(990);
    const second = ws(20);
    await run(first, second, { handlers: { ...handlers, closed } });
    second.handlers?.closed(LOST);
    expect(closed).not.toHaveBeenCalled();
    first.handlers?.closed(LOST);
    expect(closed).toHaveBeenCalledOnce();
  });

  it('goes on without a WebSocket that ends while it waits', async () => {
    const second = ws(20);
    setTimeout(() => second.handlers?.closed(LOST), 700);
    expect(await run(wt(2_000), second)).toEqual({ winner: 'webtransport', ms: 2_000 });
  });

  it('calls both off when it is aborted', async () => {
    const abort = new AbortController();
    const [first, second] = [wt(never), ws(20)];
    setTimeout(() => abort.abort(), 700);
    expect(await run(first, second, { signal: abort.signal })).toEqual({ winner: 'unreachable', ms: 700 });
    expect(first.aborted).toBe(true);
    expect(second.closed).toBe(true);
  });
});
