// One of two paths: a session of its own over a network of its own. Unlike a call's connection it does not look for another way when its network is gone, for
// the other path is there; it waits until its network is back.

import { QueueingDelay } from '../../media/queueing.ts';
import { Codes, type FromServer, type Join, VERSION, type Welcome } from '../../protocol/messages.gen.ts';
import type { Bytes } from '../../protocol/varint.ts';
import { CallError, goodbyeFailure, UNREACHABLE } from '../../transport/failure.ts';
import type { InStream, OpenSession, Session, Target } from '../../transport/transport.ts';
import { type Deferred, deferred, sleep } from '../../transport/waiting.ts';
import { Copies } from './copies.ts';

const ATTEMPT_MS = 5_000;
const RETRY_MS = 500;
/** Back on its network a session may need seconds before it speaks again, as QUIC's probes came less and less often; another is quicker. */
const SPEAK_MS = 1_000;

export interface PathHandlers {
  welcome(welcome: Welcome): void;
  message(message: FromServer): void;
  datagram(bytes: Bytes): void;
  stream(stream: InStream): void;
  /** There is no session for now. */
  closed(): void;
  /** It could not join; it tries again. */
  failed(error: unknown): void;
}

export interface PathOptions {
  open: OpenSession;
  target(signal: AbortSignal): Promise<Target>;
  join: Pick<Join, 'room' | 'name' | 'receive'>;
  handlers: PathHandlers;
}

export class PathSession {
  readonly copies = new Copies();
  readonly queueing = new QueueingDelay();
  readonly #options: PathOptions;
  readonly #over = new AbortController();
  #session: Session | null = null;
  #token = '';
  #heardAt = 0;
  #here: Deferred<void> | null = null; // waited for while its network is away
  #ended: Deferred<void> = deferred();

  constructor(options: PathOptions) {
    this.#options = options;
  }

  /** The session while it is welcome. */
  get session(): Session | null {
    return this.#session;
  }

  start(): void {
    void this.#run();
  }

  /** Its network passes nothing from now on, or does again. */
  setAway(away: boolean): void {
    if (away) this.#here ??= deferred();
    else if (this.#here) {
      this.#here.resolve();
      this.#here = null;
      this.copies.pause();
      void this.#hurry();
    }
  }

  /** Opens another session if the one there is does not speak again. */
  async #hurry(): Promise<void> {
    const session = this.#session;
    const at = performance.now();
    await sleep(SPEAK_MS, this.#over.signal);
    if (!session || session !== this.#session || this.#heardAt > at || this.#here) return;
    session.close();
    this.#lost();
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await this.#here?.promise;
      try {
        await this.#open();
        await this.#ended.promise;
      } catch (error) {
        if (!signal.aborted) this.#options.handlers.failed(error);
        await sleep(RETRY_MS, signal);
      }
    }
  }

  async #open(): Promise<void> {
    const { open, target, join, handlers } = this.#options;
    const attempt = new AbortController();
    const answer = deferred<void>();
    answer.promise.catch(() => undefined); // the opening may fail first
    const stop = () => {
      attempt.abort();
      answer.reject(new CallError(UNREACHABLE));
    };
    this.#over.signal.addEventListener('abort', stop);
    const timer = setTimeout(stop, ATTEMPT_MS);
    const silentSince = this.#heardAt;
    let session: Session | null = null;
    const inUse = () => session !== null && session === this.#session;
    const heard = () => {
      if (inUse()) this.#heardAt = performance.now();
    };
    try {
      session = await open(
        await target(attempt.signal),
        {
          message: (m) => {
            heard();
            if (m.type === 'welcome' && session && !inUse()) {
              this.#welcome(m, session);
              answer.resolve();
            } else if (m.type === 'goodbye') {
              if (m.code === Codes.badToken) this.#token = ''; // too late to resume: it joins anew
              answer.reject(new CallError(goodbyeFailure(m)));
              session?.close();
              if (inUse()) this.#lost();
            } else if (inUse()) handlers.message(m);
          },
          datagram: (bytes) => {
            heard();
            handlers.datagram(bytes);
          },
          stream: (stream) => {
            heard();
            handlers.stream(stream);
          },
          closed: (failure) => {
            answer.reject(new CallError(failure));
            if (inUse()) this.#lost();
          },
        },
        attempt.signal,
        { resume: this.#token !== '', before: null },
      );
      session.send({
        type: 'join',
        version: VERSION,
        ...join,
        ...(this.#token && {
          token: this.#token,
          silence_ms: Math.round(performance.now() - silentSince),
        }),
      });
      await answer.promise;
    } catch (error) {
      session?.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#over.signal.removeEventListener('abort', stop);
    }
  }

  #welcome(welcome: Welcome, session: Session): void {
    this.#session = session;
    this.#token = welcome.token;
    this.#heardAt = performance.now();
    this.#ended = deferred();
    this.queueing.restart();
    this.copies.pause();
    this.#options.handlers.welcome(welcome);
  }

  #lost(): void {
    this.#session = null;
    this.#ended.resolve();
    this.#options.handlers.closed();
  }

  /** Leaves the call. */
  close(): void {
    const session = this.#session;
    session?.send({ type: 'leave' });
    this.#session = null;
    this.#over.abort();
    this.#here?.resolve();
    this.#ended.resolve();
    setTimeout(() => session?.close(), 150); // for the last message to get out
  }
}
