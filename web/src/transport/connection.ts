// Keeps a participant in a call over one session after another.
//
// A session that ended, or from which nothing is heard, is replaced: others are opened with the resume token of the last welcome, again and again, while
// the silent one stays open. Whichever delivers first carries the call. The server retires the silent one when it accepts a join; so a session that is ready
// joins only if the silent one still is silent (silence.ts has the numbers), and another only after a second without an answer, with the same token.

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
import { between, type Pace, patience } from './pace.ts';
import { PROBE_MS, Silence } from './silence.ts';
import type { InStream, OpenSession, Session, Target, TransportName } from './transport.ts';
import { Upgrade } from './upgrade.ts';
import { type Deferred, deferred, sleep } from './waiting.ts';

const CHECK_MS = 10;
/** For how long a suspect session is sent something more often than usual. */
const PROBES_MS = 2_000;
/** Silence that people are told of; most is over before. */
const RECONNECTING_MS = 700;
const ATTEMPT_MS = 5_000;
const FIRST_ATTEMPTS = 3;
/** After an attempt that failed at once, as all do while there is no network, the next is not waited for as long, so many times. */
const FAILED_MS = 200;
const FAILED_TIMES = 15;
/** The same where the server has said that it stops: it is asked for its address first, which costs nothing while there is none. */
const STOPPED_MS = 100;
/**
 * While the browser says that there is no network at all, one attempt in this time is enough, for it may be wrong (the server may be on this machine), and
 * Chromium delays all WebTransport openings of a page of which too many were in vain. It says soon that there is one again.
 */
const OFFLINE_MS = 1_000;
/** A join without an answer for this long was lost: another session may join with the same token. */
const UNANSWERED_MS = 1_000;
/** Resuming, every so many attempts the server is asked for its address anew; not each time, for the request itself may hang on a dead network. */
const ASK_EVERY = 10;
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
  /** A report should be sent now, without waiting for its time: nothing is heard. */
  probe(): void;
}

export interface ConnectionOptions {
  open: OpenSession;
  target(afresh: boolean, signal: AbortSignal): Promise<Target>;
  join: Pick<Join, 'room' | 'name' | 'receive' | 'bundles'>;
  /** A call over TCP is to return to WebTransport when that works. */
  upgrades: boolean;
  pace: Pace;
  handlers: ConnectionHandlers;
}

/** A session that is being opened. */
interface Attempt {
  readonly abort: AbortController;
  readonly startedAt: number;
  /** May send its join; asked for while it waits. */
  go: Deferred<void> | null;
  /** For how much silence of the session in use it waits, ms. */
  patience: number;
  /** When it sent its join: from then on the server may act on it. */
  askedAt: number | null;
}

/** The replacing of a session, from suspicion until something delivers. */
interface Campaign {
  readonly abort: AbortController;
  readonly attempts: Set<Attempt>;
  /** The server has said that it stops. */
  readonly moved: boolean;
  failures: number;
  gaveWay: number;
  /** Wakes the next attempt before its time. */
  hurry: Deferred<void>;
}

function newAttempt(): Attempt {
  return { abort: new AbortController(), startedAt: performance.now(), go: null, patience: 0, askedAt: null };
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #silence = new Silence();
  #session: Session | null = null;
  #transport: TransportName | null = null;
  #token = '';
  #phase: Phase = 'idle';
  #campaign: Campaign | null = null;
  /** Sessions that have sent their join and wait for the answer. */
  readonly #asking = new Set<Attempt>();
  /** Those that the server may have taken, for a replacement of the session in use: their answer is not there, and may be lost. */
  readonly #perhaps = new Set<Attempt>();
  #sessions = 0; // of this participant, as the newest welcome has it
  #chat = 0; // ID of the newest message of the chat; those of a later call are above it
  #probedAt = 0;
  readonly #upgrade = new Upgrade((stopped) => this.#openBetter(stopped));
  #check: ReturnType<typeof setInterval> | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Joins. Everything else is told to the handlers. */
  start(): void {
    this.#setPhase('connecting');
    this.#check = setInterval(() => this.#tick(), CHECK_MS);
    void this.#connect();
  }

  /** Sends a control message, if there is a session. What must outlast a session is said again after each welcome. */
  send(message: FromParticipant): void {
    this.#session?.send(message);
  }

  /** The time from a report to its reply, ms. */
  measured(rttMs: number): void {
    this.#silence.measured(rttMs);
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
    this.#upgrade.stop();
    this.#endCampaign();
    for (const attempt of this.#asking) attempt.abort.abort();
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

  #tick(): void {
    const now = performance.now();
    this.#silence.tick(now, CHECK_MS);
    if (this.#phase !== 'connected' && this.#phase !== 'reconnecting') return;
    const silence = this.#silence.of(now);
    if (silence >= this.#silence.suspect) {
      this.#probe(now, silence);
      void this.#connect(); // the old session stays open: it may come back
    }
    if (silence >= RECONNECTING_MS && this.#campaign) this.#setPhase('reconnecting');
    this.#release();
  }

  #probe(now: number, silence: number): void {
    if (!this.#session || now - this.#probedAt < PROBE_MS || silence > PROBES_MS) return;
    this.#probedAt = now;
    this.#options.handlers.probe();
  }

  /** Starts attempts until there is a welcome or the old session speaks again. `moved`: the server may have another address by now. */
  async #connect(moved = false): Promise<void> {
    if (this.#campaign) return;
    const campaign: Campaign = {
      abort: new AbortController(),
      attempts: new Set(),
      moved,
      failures: 0,
      gaveWay: 0,
      hurry: deferred(),
    };
    this.#campaign = campaign;
    const { signal } = campaign.abort;
    const { pace } = this.#options;
    const first = this.#phase === 'connecting';
    for (let n = 0; !signal.aborted; n++) {
      const wait = between(pace, n);
      await Promise.race([sleep(wait * (0.75 + Math.random() / 2), signal), campaign.hurry.promise]);
      campaign.hurry = deferred();
      if (!first && this.#transport !== 'websocket') await online(OFFLINE_MS, signal);
      await this.#room(campaign, first ? 1 : pace.atOnce);
      while (this.#speaks && !signal.aborted) await sleep(CHECK_MS, signal); // but a join is on its way
      if (signal.aborted) return;
      const afresh = moved || (first ? n > 0 : n % ASK_EVERY === ASK_EVERY - 1);
      void this.#attempt(campaign, afresh);
    }
  }

  /** The session in use is not silent. */
  get #speaks(): boolean {
    return this.#session !== null && this.#silence.of(performance.now()) < this.#silence.suspect;
  }

  /** Waits until there is room for another attempt, and makes some. */
  async #room(campaign: Campaign, most: number): Promise<void> {
    const age = patience(this.#options.pace, campaign.gaveWay, this.#silence.rtt);
    // Of those that have asked there is one a second at most; of the first joins just one, for without a token there would be two of us.
    const opening = () => [...campaign.attempts].filter((a) => most === 1 || a.askedAt === null);
    while (opening().length >= most && !campaign.abort.signal.aborted) {
      const now = performance.now();
      const oldest = opening().find((a) => !a.go);
      if (most > 1 && oldest && now - oldest.startedAt >= age) {
        oldest.abort.abort();
        campaign.attempts.delete(oldest);
        campaign.gaveWay++;
      } else await sleep(CHECK_MS, campaign.abort.signal);
    }
  }

  #endCampaign(): void {
    const campaign = this.#campaign;
    this.#campaign = null;
    campaign?.abort.abort();
    for (const attempt of campaign?.attempts ?? []) attempt.abort.abort();
  }

  /** Lets a session that is ready join, if it is time to. */
  #release(): void {
    if (!this.#campaign) return;
    const now = performance.now();
    const silence = this.#session ? this.#silence.of(now) : Number.POSITIVE_INFINITY;
    const attempts = [...this.#campaign.attempts];
    const most = this.#token ? UNANSWERED_MS : ATTEMPT_MS; // without a token there would be two of us
    if ([...this.#asking].some((a) => now - (a.askedAt ?? 0) < most)) return;
    const next = attempts.find((a) => a.go && silence >= a.patience);
    if (!next) return;
    next.go?.resolve();
    next.go = null;
    this.#ask(next);
  }

  #ask(attempt: Attempt): void {
    attempt.askedAt = performance.now();
    this.#asking.add(attempt);
  }

  /** Opens a session over WebTransport beside one over TCP that works, and takes the call over to it. */
  async #openBetter(stopped: AbortSignal): Promise<void> {
    const attempt = newAttempt();
    const timer = setTimeout(() => attempt.abort.abort(), ATTEMPT_MS);
    const go = () => {
      if (stopped.aborted || this.#campaign || this.#asking.size > 0) throw new CallError(UNREACHABLE);
      this.#ask(attempt);
    };
    try {
      await this.#try(attempt, { afresh: true, only: 'webtransport', go });
    } finally {
      clearTimeout(timer);
      this.#asking.delete(attempt);
    }
  }

  /** One attempt, to its end. */
  async #attempt(campaign: Campaign, afresh: boolean): Promise<void> {
    const attempt = newAttempt();
    const go = (session: Session) => {
      attempt.go = deferred();
      attempt.patience = this.#silence.patience(performance.now(), session.rtt);
      this.#release();
      return attempt.go?.promise;
    };
    campaign.attempts.add(attempt);
    const timer = setTimeout(() => attempt.abort.abort(), ATTEMPT_MS);
    const said = await this.#try(attempt, { afresh, go }).catch((e: unknown) => toFailure(e, UNREACHABLE));
    clearTimeout(timer);
    campaign.attempts.delete(attempt);
    this.#asking.delete(attempt);
    if (this.#campaign !== campaign) return;
    if ('type' in said && said.type === 'welcome') return;
    const refusal = 'type' in said && said.type === 'goodbye' ? said : null;
    const failure = refusal ? goodbyeFailure(refusal) : (said as Failure);
    if (refusal?.code === Codes.badToken && this.#token) {
      // Too late to resume: join anew. Unless another attempt has used the token up, which then is welcomed.
      if (this.#asking.size > 0) return;
      this.#token = '';
      this.#sessions = 0;
      this.#session?.close();
      this.#session = null;
      campaign.hurry.resolve();
      return;
    }
    const final = refusal !== null && !TEMPORARY.has(refusal.code);
    if (++campaign.failures <= FAILED_TIMES)
      setTimeout(
        () => campaign.hurry.resolve(),
        (campaign.moved ? STOPPED_MS : FAILED_MS) * (0.75 + Math.random() / 2),
      );
    if (final || (this.#phase === 'connecting' && campaign.failures >= FIRST_ATTEMPTS)) this.#fail(failure);
    else this.#release();
  }

  /** Opens a session, joins when `go` resolves, and returns the answer, or rejects. */
  async #try(
    attempt: Attempt,
    how: { afresh: boolean; only?: TransportName; go(session: Session): Promise<void> | undefined | void },
  ): Promise<FromServer> {
    const { signal } = attempt.abort;
    const silence = this.#silence.since(attempt.startedAt);
    const answer = deferred<FromServer>();
    answer.promise.catch(() => undefined); // the opening may fail first
    const cancelled = () => {
      answer.reject(new CallError(UNREACHABLE));
      attempt.go?.reject(new CallError(UNREACHABLE));
    };
    signal.addEventListener('abort', cancelled, { once: true });
    let session: Session | null = null;
    try {
      const target = await this.#options.target(how.afresh, signal);
      session = await this.#open(target, { attempt, answer, signal, only: how.only, lost: cancelled });
      if (signal.aborted) throw new CallError(UNREACHABLE);
      await how.go(session);
      const token = this.#token;
      if (token) this.#perhaps.add(attempt);
      session.send({
        type: 'join',
        version: VERSION,
        ...this.#options.join,
        ...(token && { token, silence_ms: Math.round(silence) }),
        ...(this.#chat > 0 && { chat_after: this.#chat }),
      });
      const said = await answer.promise;
      if (said.type !== 'welcome') {
        this.#perhaps.delete(attempt);
        session.close();
      }
      return said;
    } catch (error) {
      attempt.go = null;
      session?.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', cancelled);
    }
  }

  /** Opens a session whose first message settles `answer`; a welcome makes it the one in use before anything behind it is read. */
  async #open(
    target: Target,
    o: {
      attempt: Attempt;
      answer: Deferred<FromServer>;
      signal: AbortSignal;
      only?: TransportName | undefined;
      lost(): void;
    },
  ): Promise<Session> {
    if (o.signal.aborted) throw new CallError(UNREACHABLE);
    let session: Session | null = null;
    let welcomed = false;
    const inUse = () => session !== null && this.#session === session;
    const { handlers } = this.#options;
    session = await this.#options.open(
      target,
      {
        message: (message) => {
          if (inUse()) {
            this.#message(message);
            return;
          }
          if (welcomed || o.signal.aborted || !session) return;
          if (message.type === 'welcome') {
            welcomed = true;
            this.#welcome(message, session, o.attempt);
          }
          if (message.type === 'welcome' || message.type === 'goodbye') o.answer.resolve(message);
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
          o.answer.reject(new CallError(failure));
          if (inUse()) this.#lost();
          else o.lost();
        },
      },
      o.signal,
      { resume: this.#token !== '', before: this.#transport, ...(o.only && { only: o.only }) },
    );
    return session;
  }

  #welcome(welcome: Welcome, session: Session, attempt: Attempt): void {
    const old = this.#session;
    if (welcome.sessions < this.#sessions) {
      session.close(); // it was overtaken by the one in use
      return;
    }
    this.#sessions = welcome.sessions;
    this.#session = session;
    this.#transport = session.transport;
    this.#token = welcome.token;
    // Another join that is on its way cannot be taken back. If the server takes it, too, that session is the next.
    this.#asking.delete(attempt);
    for (const other of this.#perhaps) if (!this.#asking.has(other)) this.#perhaps.delete(other);
    const listening = { interval: welcome.report_interval_ms, tcp: session.transport === 'websocket' };
    this.#silence.begin(listening, performance.now());
    const campaign = this.#campaign;
    this.#campaign = null;
    this.#options.handlers.welcome(welcome, session);
    this.#setPhase('connected');
    if (session.transport === 'websocket' && this.#options.upgrades) this.#upgrade.start();
    else this.#upgrade.stop();
    old?.close();
    campaign?.abort.abort();
    for (const other of campaign?.attempts ?? []) if (other.askedAt === null) other.abort.abort();
  }

  #message(message: FromServer): void {
    this.#heard();
    if (message.type === 'chat_message') this.#chat = Math.max(this.#chat, message.id);
    if (message.type !== 'goodbye') {
      this.#options.handlers.message(message);
      return;
    }
    if (message.code === Codes.goingAway || message.code === Codes.internal) {
      this.#options.handlers.message(message);
      this.#lost(true);
    } else if (message.code === Codes.replaced && this.#perhaps.size > 0)
      this.#lost(); // by our own next session
    else this.#fail(goodbyeFailure(message));
  }

  /** Something arrived on the session in use. */
  #heard(): void {
    const now = performance.now();
    this.#silence.heard(now);
    if (!this.#session || !this.#campaign) return;
    // It was only silent. A join that is on its way cannot be taken back: then the server decides.
    if (this.#asking.size === 0) {
      this.#silence.spurious(now);
      this.#endCampaign();
    }
    this.#setPhase('connected');
  }

  /** The session in use is over. */
  #lost(moved = false): void {
    const session = this.#session;
    this.#session = null;
    session?.close();
    if (this.#over) return;
    this.#release(); // nothing has to be waited for any more
    void this.#connect(moved);
  }
}

/** Waits until the browser says that there is a network, but not for longer than `mostMs`. */
async function online(mostMs: number, signal: AbortSignal): Promise<void> {
  const end = performance.now() + mostMs;
  while (globalThis.navigator?.onLine === false && performance.now() < end && !signal.aborted)
    await sleep(CHECK_MS, signal);
}
