// Which transport carries a session: WebTransport where it works, a WebSocket where UDP does not pass. Both are tried side by side, since a network
// that drops UDP does not say so, and the one that is not needed is closed before it has joined.

import type { Failure } from '../call/types.ts';
import { CallError, toFailure, UNREACHABLE } from './failure.ts';
import type { OpenSession, Purpose, Session, SessionHandlers, TransportName } from './transport.ts';

/** Which transports may be used; null: what the browser lacks, or the page was told not to use. */
export type Openers = Record<TransportName, OpenSession | null>;

/** Joining: for how long from the start WebTransport is waited for although the WebSocket is ready. */
const JOIN_PREFERENCE_MS = 1_000;
/**
 * The WebSocket begins later, so that where UDP passes (a session is ready within three round trips) no TCP connection is made for nothing. Half
 * of the above leaves it 500 ms for its own handshakes.
 */
const JOIN_HEAD_START_MS = 500;
/** Resuming there is less time to wait. */
const RESUME_PREFERENCE_MS = 300;
const RESUME_HEAD_START_MS = 300;
/** A call over TCP resumes over TCP, and returns to UDP when that is over (upgrade.ts); only where TCP does not answer for so long, UDP is tried now. */
const TCP_ALONE_MS = 1_000;

/** An OpenSession that opens what is ready first, with some preference for WebTransport. */
export function race(openers: Openers): OpenSession {
  return (target, handlers, signal, purpose) => {
    const { webtransport } = openers;
    if (purpose.only) return only(openers[purpose.only], [target, handlers, signal, purpose]);
    // Past an emulated network, see Target.
    const websocket =
      target.emulated && purpose.before === 'webtransport' && webtransport ? null : openers.websocket;
    if (!webtransport || !websocket)
      return only(webtransport ?? websocket, [target, handlers, signal, purpose]);
    return new Promise((resolve, reject) => {
      new Race(
        {
          webtransport: (h, s) => webtransport(target, h, s, purpose),
          websocket: (h, s) => websocket(target, h, s, purpose),
        },
        { handlers, signal, purpose, resolve, reject },
      ).start();
    });
  };
}

function only(open: OpenSession | null, how: Parameters<OpenSession>): Promise<Session> {
  return open ? open(...how) : Promise.reject(new CallError(UNREACHABLE));
}

type Open = (handlers: SessionHandlers, signal: AbortSignal) => Promise<Session>;

interface Stakes {
  handlers: SessionHandlers;
  signal: AbortSignal;
  purpose: Purpose;
  resolve(session: Session): void;
  reject(error: unknown): void;
}

class Race {
  readonly #open: Record<TransportName, Open>;
  readonly #stakes: Stakes;
  readonly #aborts = { webtransport: new AbortController(), websocket: new AbortController() };
  readonly #failed = new Set<TransportName>();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #startedAt = 0;
  readonly #begun = new Set<TransportName>();
  #websocket: Session | null = null; // ready, and waiting whether WebTransport is, too
  #winner: TransportName | null = null;
  #over = false;

  constructor(open: Record<TransportName, Open>, stakes: Stakes) {
    this.#open = open;
    this.#stakes = stakes;
  }

  start(): void {
    const { signal, purpose } = this.#stakes;
    if (signal.aborted) {
      this.#lose(UNREACHABLE);
      return;
    }
    signal.addEventListener('abort', this.#abort, { once: true });
    this.#startedAt = performance.now();
    if (this.#overTCP) {
      this.#begin('websocket');
      this.#timers.push(setTimeout(() => this.#begin('webtransport'), TCP_ALONE_MS));
      return;
    }
    this.#begin('webtransport');
    const headStart = purpose.resume ? RESUME_HEAD_START_MS : JOIN_HEAD_START_MS;
    this.#timers.push(setTimeout(() => this.#begin('websocket'), headStart));
  }

  /** A call that goes over TCP is resumed. */
  get #overTCP(): boolean {
    const { resume, before } = this.#stakes.purpose;
    return resume && before === 'websocket';
  }

  readonly #abort = () => this.#lose(UNREACHABLE);

  #begin(name: TransportName): void {
    if (this.#over || this.#begun.has(name)) return;
    this.#begun.add(name);
    const { handlers } = this.#stakes;
    const gated: SessionHandlers = {
      message: (m) => handlers.message(m),
      datagram: (b) => handlers.datagram(b),
      stream: (s) => handlers.stream(s),
      closed: (failure) => {
        if (this.#winner === name) handlers.closed(failure);
        else if (!this.#over) this.#lost(name, failure);
      },
    };
    this.#open[name](gated, this.#aborts[name].signal).then(
      (session) => this.#ready(name, session),
      (error: unknown) => this.#lost(name, toFailure(error, UNREACHABLE)),
    );
  }

  #ready(name: TransportName, session: Session): void {
    if (this.#over) {
      session.close();
      return;
    }
    if (name === 'webtransport' || this.#overTCP || this.#failed.has('webtransport')) {
      this.#win(session);
      return;
    }
    this.#websocket = session;
    const wait = this.#stakes.purpose.resume
      ? RESUME_PREFERENCE_MS
      : Math.max(0, JOIN_PREFERENCE_MS - (performance.now() - this.#startedAt));
    const take = () => {
      if (this.#websocket) this.#win(this.#websocket);
    };
    if (wait === 0) take();
    else this.#timers.push(setTimeout(take, wait));
  }

  #lost(name: TransportName, failure: Failure): void {
    if (this.#over) return;
    this.#failed.add(name);
    if (name === 'websocket') this.#websocket = null;
    if (this.#failed.size === 2) this.#lose(failure);
    else if (name === 'websocket') {
      if (this.#begun.has('webtransport')) return;
      // Without any network both fail, and openings in vain make later ones slower (pace.ts).
      if (globalThis.navigator?.onLine === false) this.#lose(failure);
      else this.#begin('webtransport');
    } else if (this.#websocket) this.#win(this.#websocket);
    else this.#begin('websocket');
  }

  #win(session: Session): void {
    this.#winner = session.transport;
    const other = session.transport === 'webtransport' ? 'websocket' : 'webtransport';
    if (this.#websocket && this.#websocket !== session) this.#websocket.close();
    this.#finish();
    this.#aborts[other].abort();
    this.#stakes.resolve(session);
  }

  #lose(failure: Failure): void {
    if (this.#over) return;
    this.#finish();
    this.#websocket?.close();
    for (const abort of Object.values(this.#aborts)) abort.abort();
    this.#stakes.reject(new CallError(failure));
  }

  #finish(): void {
    this.#over = true;
    for (const t of this.#timers) clearTimeout(t);
    this.#stakes.signal.removeEventListener('abort', this.#abort);
  }
}
