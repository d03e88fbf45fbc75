// Keeps a participant in a call over one session after another. A session that ends, or from which nothing is heard, is replaced: a new one is
// opened with the resume token of the last welcome, and the old one is closed only when the new one is welcomed, in case it comes back.

import type { Failure, Phase } from '../call/types.ts';
import {
  Codes,
  type FromParticipant,
  type FromServer,
  type Join,
  VERSION,
  type Welcome,
} from '../protocol/messages.gen.ts';
import type { Bytes } from '../protocol/varint.ts';
import { CallError, goodbyeFailure, toFailure, UNREACHABLE } from './failure.ts';
import type { InStream, OpenSession, Session, Target } from './transport.ts';

/** Nothing at all arrived for this long, although the server answers a report every 50 ms: the connection is lost. */
const SILENCE_MS = 2_000;
const CHECK_MS = 100;
const ATTEMPT_MS = 4_000;
const FIRST_ATTEMPTS = 3;
const BACKOFF_MS = [0, 250, 500, 1_000, 2_000];
const LEAVE_MS = 150; // for the last message to get out

/** Refusals after which trying again may help. */
const TEMPORARY: ReadonlySet<number> = new Set([
  Codes.goingAway,
  Codes.badToken,
  Codes.joinTimeout,
  Codes.internal,
]);

export interface ConnectionHandlers {
  phase(phase: Phase, failure: Failure | null): void;
  /** A session is in use from now on, the first or a replacement. */
  welcome(welcome: Welcome, session: Session): void;
  message(message: FromServer): void;
  datagram(bytes: Bytes): void;
  stream(stream: InStream): void;
}

export interface ConnectionOptions {
  open: OpenSession;
  target(afresh: boolean, signal: AbortSignal): Promise<Target>;
  join: Pick<Join, 'room' | 'name' | 'receive'>;
  handlers: ConnectionHandlers;
}

export class Connection {
  readonly #options: ConnectionOptions;
  #session: Session | null = null;
  #token = '';
  #phase: Phase = 'idle';
  #heardAt = 0;
  #attempt: AbortController | null = null;
  #asked = false; // the attempt has sent its join: the server may act on it
  #check: ReturnType<typeof setInterval> | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Joins. Everything else is told to the handlers. */
  start(): void {
    this.#setPhase('connecting');
    this.#check = setInterval(() => this.#checkSilence(), CHECK_MS);
    void this.#connect();
  }

  /** Sends a control message, if there is a session. What must outlast a session is said again after each welcome. */
  send(message: FromParticipant): void {
    this.#session?.send(message);
  }

  /** For how long nothing was heard, ms. */
  get silence(): number {
    return performance.now() - this.#heardAt;
  }

  leave(): void {
    if (this.#over) return;
    const session = this.#session;
    session?.send({ type: 'leave' });
    this.#stop('left', null);
    setTimeout(() => session?.close(), LEAVE_MS);
  }

  get #over(): boolean {
    return this.#phase === 'left' || this.#phase === 'failed';
  }

  #stop(phase: 'left' | 'failed', failure: Failure | null): void {
    if (this.#check) clearInterval(this.#check);
    this.#attempt?.abort();
    this.#session = null;
    this.#setPhase(phase, failure);
  }

  #fail(failure: Failure): void {
    const session = this.#session;
    this.#stop('failed', failure);
    session?.close();
  }

  #setPhase(phase: Phase, failure: Failure | null = null): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#options.handlers.phase(phase, failure);
  }

  /**
   * Tries until there is a welcome, the old session speaks again, or trying is of no use. `moved`: the server may have another address by
   * now.
   */
  async #connect(moved = false): Promise<void> {
    if (this.#attempt) return;
    const abort = new AbortController();
    this.#attempt = abort;
    const first = this.#token === '';
    for (let n = 0; !abort.signal.aborted; n++) {
      const wait = BACKOFF_MS[Math.min(n, BACKOFF_MS.length - 1)] as number;
      await sleep(wait * (0.75 + Math.random() / 2), abort.signal);
      if (abort.signal.aborted) break;
      const refused = await this.#try(moved || n > 0, abort.signal);
      if (!refused || abort.signal.aborted) break;
      if (this.#phase === 'connected') break; // the old session has come back
      const { failure, final, again } = refused;
      if (final || (first && n + 1 >= FIRST_ATTEMPTS)) {
        this.#attempt = null;
        this.#fail(failure);
        return;
      }
      if (again) n = -1; // at once
    }
    if (this.#attempt === abort) this.#attempt = null;
  }

  /** One attempt. Null: it was welcomed. */
  async #try(
    afresh: boolean,
    cancelled: AbortSignal,
  ): Promise<{ failure: Failure; final: boolean; again: boolean } | null> {
    const attempt = new AbortController();
    const { signal } = attempt;
    const abort = () => attempt.abort();
    cancelled.addEventListener('abort', abort, { once: true });
    const timer = setTimeout(abort, ATTEMPT_MS);
    const token = this.#token;
    let session: Session | null = null;
    this.#asked = false;
    try {
      const silence = this.silence;
      const target = await this.#options.target(afresh, signal);
      const answer = deferred<FromServer>();
      answer.promise.catch(() => undefined); // the opening may fail first
      signal.addEventListener('abort', () => answer.reject(new CallError(UNREACHABLE)), { once: true });
      session = await this.#open(target, answer, signal);
      this.#asked = true;
      session.send({
        type: 'join',
        version: VERSION,
        ...this.#options.join,
        ...(token && { token, silence_ms: Math.round(silence) }),
      });
      const said = await answer.promise;
      if (said.type === 'goodbye') {
        session.close();
        if (said.code === Codes.badToken && token) {
          this.#token = ''; // too late to resume: join anew
          return { failure: goodbyeFailure(said), final: false, again: true };
        }
        return { failure: goodbyeFailure(said), final: !TEMPORARY.has(said.code), again: false };
      }
      return null;
    } catch (error) {
      session?.close();
      return { failure: toFailure(error, UNREACHABLE), final: false, again: false };
    } finally {
      clearTimeout(timer);
      cancelled.removeEventListener('abort', abort);
    }
  }

  /** Opens a session whose first message settles `answer`; a welcome makes it the one in use before anything behind it is read. */
  async #open(target: Target, answer: Deferred<FromServer>, signal: AbortSignal): Promise<Session> {
    let session: Session | null = null;
    let welcomed = false;
    const inUse = () => session !== null && this.#session === session;
    const { handlers } = this.#options;
    session = await this.#options.open(
      target,
      {
        message: (message) => {
          if (inUse()) return this.#message(message);
          if (welcomed || signal.aborted || !session) return;
          if (message.type === 'welcome') {
            welcomed = true;
            this.#welcome(message, session);
          }
          if (message.type === 'welcome' || message.type === 'goodbye') answer.resolve(message);
        },
        datagram: (bytes) => {
          if (inUse()) this.#heard();
          handlers.datagram(bytes);
        },
        stream: (stream) => {
          if (inUse()) this.#heard();
          handlers.stream(stream);
        },
        closed: (failure) => {
          answer.reject(new CallError(failure));
          if (inUse()) this.#lost();
        },
      },
      signal,
    );
    return session;
  }

  #welcome(welcome: Welcome, session: Session): void {
    const old = this.#session;
    this.#session = session;
    this.#token = welcome.token;
    this.#heard();
    this.#options.handlers.welcome(welcome, session);
    this.#setPhase('connected');
    old?.close();
  }

  #message(message: FromServer): void {
    this.#heard();
    if (message.type !== 'goodbye') {
      this.#options.handlers.message(message);
      return;
    }
    if (message.code === Codes.goingAway || message.code === Codes.internal) this.#lost(true);
    else if (message.code === Codes.replaced && this.#attempt)
      this.#lost(); // by our own next session
    else this.#fail(goodbyeFailure(message));
  }

  /** Something arrived on the session in use. */
  #heard(): void {
    this.#heardAt = performance.now();
    if (this.#phase !== 'reconnecting' || !this.#session) return;
    this.#setPhase('connected'); // it was only silent
    if (this.#asked) return; // too late to call off the replacement
    this.#attempt?.abort();
    this.#attempt = null;
  }

  #lost(moved = false): void {
    const session = this.#session;
    this.#session = null;
    session?.close();
    if (this.#over) return;
    this.#setPhase('reconnecting');
    void this.#connect(moved);
  }

  #checkSilence(): void {
    if (this.#phase !== 'connected' || this.silence < SILENCE_MS) return;
    this.#setPhase('reconnecting');
    void this.#connect(); // the old session stays open: it may come back
  }
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
