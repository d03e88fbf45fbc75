// The comparison of this page: its links, its lanes, its runs, and those of everybody.

import { computed, signal } from '@preact/signals';
import { api } from '../../api.ts';
import type { CallEngine } from '../../call/types.ts';
import { now } from '../../media/clock.ts';
import { sleep } from '../../transport/waiting.ts';
import { Lane } from './lane.ts';
import { Steadiness } from './steadiness.ts';
import {
  AWAY,
  type Comparison,
  LANES,
  type LaneName,
  type LaneRun,
  type LaneState,
  type Run,
  type RunStyle,
} from './types.ts';
import { lackingWords } from './words.ts';

const STATE_MS = 500;
/** After a change a run goes on for so long, and longer as long as a picture stands still. */
const AFTER_MS = 4_000;
const MOST_MS = 15_000;
/** Between the way back and the next run: everything has settled, and there is something to compare with. */
const BETWEEN_MS = 6_000;
/** Before a run: what stands still then is not the network's doing. */
const BEFORE_MS = 4_000;
/** A busy page tells of its frames late: so long a run waits for a lane that seems to stand still, before it is refused. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 100;

/** Where the page stands. */
export type Stage = 'opening' | 'ready' | 'starting' | 'running' | 'away' | 'returning' | 'failed';

/** The run that is being made, or was made last. */
export interface Current {
  style: RunStyle;
  from: number;
  to: number | null;
  bytes: Record<LaneName, number>; // received before it
  concealed: Record<LaneName, number>;
  result: Run | null;
}

/** Makes what carries a call; call/engine.ts belongs to the page that loads this part of it. */
export type NewEngine = (newWorker?: () => Worker) => CallEngine;

export class Audience {
  readonly lanes: Record<LaneName, Lane>;
  readonly state = signal<Comparison | null>(null);
  readonly stage = signal<Stage>('opening');
  readonly problem = signal('');
  /** Which lanes show no picture, while a run waits for them; ''. */
  readonly lacking = signal('');
  readonly runs = signal<Run[]>([]);
  readonly current = signal<Current | null>(null);
  /** Runs done of those to be done; null: none are repeated. */
  readonly repeating = signal<{ done: number; of: number } | null>(null);
  readonly heard = signal<LaneName | 'none'>('quic');
  readonly blocked = computed(() => LANES.some((l) => this.lanes[l].engine.state.value.audioBlocked));
  /** A call has failed; it does not try again by itself. */
  readonly broken = computed(() => LANES.some((l) => this.lanes[l].engine.state.value.phase === 'failed'));
  readonly #abort = new AbortController();
  #stopRepeating = new AbortController();
  #isBusy = false;
  readonly #steadiness = new Steadiness();

  constructor(newEngine: NewEngine) {
    this.lanes = {
      quic: new Lane('quic', newEngine()),
      tcp: new Lane('tcp', newEngine()),
      paths: new Lane('paths', newEngine(twoPaths)),
    };
  }

  /** Opens links and joins. `room` is that of others, or '' for one of this page's own with the test participant. */
  async start(room: string): Promise<void> {
    const { signal } = this.#abort;
    try {
      if (typeof WebTransport === 'undefined')
        throw new Error('This browser has no WebTransport, so there would be nothing to compare TCP with.');
      const c = await api<Comparison>('/api/compare', { method: 'POST', body: {}, signal });
      if (signal.aborted) {
        forget(c.id);
        return;
      }
      this.state.value = c;
      const place = room || `compare-${Math.random().toString(36).slice(2, 10)}`;
      const { quic, tcp, paths } = this.lanes;
      quic.join(place, { transport: 'webtransport', targets: [{ url: c.quic.url }] }, 'QUIC');
      tcp.join(place, { transport: 'websocket', targets: [{ websocket: websocketAt(c.tcp.url) }] }, 'TCP');
      paths.join(
        place,
        { transport: 'webtransport', targets: c.paths.map(({ url }) => ({ url })) },
        'Two paths',
      );
      this.hear(this.heard.value);
      void this.#watch();
      await this.#moving();
      if (this.stage.value === 'opening' && !signal.aborted) this.stage.value = 'ready';
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.problem.value =
      error instanceof TypeError ? 'The server does not answer.' : (error as Error).message;
    this.stage.value = 'failed';
  }

  stop(): void {
    this.#abort.abort();
    this.#stopRepeating.abort();
    this.#steadiness.stop();
    for (const l of LANES) this.lanes[l].leave();
    const c = this.state.value;
    if (c) forget(c.id);
  }

  hear(lane: LaneName | 'none'): void {
    this.heard.value = lane;
    for (const l of LANES) this.lanes[l].hear(l === lane);
  }

  unblock(): void {
    for (const l of LANES) this.lanes[l].engine.unblockAudio();
  }

  /** Waits until all lanes move, at most so long. What keeps them is told in `lacking` meanwhile, and returned. */
  async #moving(within = Number.POSITIVE_INFINITY): Promise<string> {
    const { signal } = this.#abort;
    for (const end = now() + within; ; ) {
      const still = LANES.filter((l) => !this.lanes[l].moving);
      this.lacking.value = lackingWords(
        still.map((lane) => ({
          lane,
          failure: this.lanes[lane].engine.state.value.failure?.message ?? '',
          encrypted: this.lanes[lane].encrypted,
        })),
      );
      if (still.length === 0 || signal.aborted || this.stage.value === 'failed' || now() >= end)
        return this.lacking.value;
      await sleep(LOOK_MS, signal);
    }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await sleep(STATE_MS, signal);
      try {
        await this.#askRuns(await this.#ask());
      } catch (error) {
        if (signal.aborted) return;
        if ((error as { status?: number }).status === 404) {
          this.#fail(error);
          return;
        } // else the server may be back soon
      }
    }
  }

  async #ask(): Promise<Comparison> {
    const { signal } = this.#abort;
    const c = await api<Comparison>(`/api/compare/${this.state.value?.id}`, { signal });
    this.state.value = c;
    return c;
  }

  /** Keeps the runs what the server says that they are. */
  async #askRuns(c: Comparison): Promise<void> {
    const known = this.runs.value;
    const last = known.at(-1)?.id ?? 0;
    if (c.runs === known.length && (c.runs === 0 || c.last_run === last)) return;
    const ask = (after: number) =>
      api<Run[]>(`/api/compare/runs?after=${after}`, { signal: this.#abort.signal });
    const more = [...known, ...(await ask(last))];
    // Others are gone where the operator has cleared the table, or the oldest gave way.
    const complete = more.filter((r) => r.id <= c.last_run).length === c.runs;
    this.runs.value = complete ? more : await ask(0);
  }

  /** The bytes that a lane has received, over both paths of the third. */
  received(lane: LaneName): number {
    const c = this.state.value;
    if (!c) return 0;
    const links: LaneState[] = lane === 'paths' ? c.paths : [c[lane]];
    return links.reduce((n, l) => n + l.bytes_down, 0);
  }

  /** Bytes of the run, or before the first one all. */
  bytes(lane: LaneName): number {
    const run = this.current.value;
    return run?.result?.[lane].bytes ?? this.received(lane) - (run?.bytes[lane] ?? 0);
  }

  /** Walks out of the first network, or is cut off, and back after a run. What goes wrong is told in `problem`. */
  async walk(style: RunStyle): Promise<void> {
    await this.#try(() => this.#out(style));
  }

  async back(): Promise<void> {
    await this.#try(() => this.#back());
  }

  /** Out and back so many times. */
  async repeat(style: RunStyle, times: number): Promise<void> {
    await this.#try(async () => {
      this.#stopRepeating = new AbortController();
      const { signal } = this.#stopRepeating;
      this.repeating.value = { done: 0, of: times };
      if (this.stage.value === 'away') await this.#back();
      for (let done = 0; done < times && !signal.aborted; done++) {
        await this.#out(style);
        this.repeating.value = { done: done + 1, of: times };
        await this.#back();
      }
    });
    if (!this.#isBusy) this.repeating.value = null;
  }

  /** No further run is begun. */
  stopRepeating(): void {
    this.#stopRepeating.abort();
  }

  /** One thing at a time: what is asked for meanwhile, by a second press say, is not done. */
  async #try(what: () => Promise<void>): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.problem.value = '';
    try {
      await what();
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#stopRepeating.abort();
      this.problem.value =
        error instanceof TypeError ? 'The server does not answer.' : (error as Error).message;
      if (this.stage.value !== 'failed') this.stage.value = this.#isAway ? 'away' : 'ready';
    } finally {
      this.#isBusy = false;
    }
  }

  get #isAway(): boolean {
    const c = this.state.value;
    return c !== null && c.network !== c.networks[0]?.name;
  }

  async #move(to: 0 | 1, style: RunStyle): Promise<void> {
    const c = this.state.value;
    const network = c?.networks[to]?.name;
    if (!c || !network) return;
    this.lanes.paths.tell(to === 1 ? AWAY : network, style);
    this.state.value = await api<Comparison>(`/api/compare/${c.id}`, {
      method: 'PATCH',
      body: { network, style },
      signal: this.#abort.signal,
    });
  }

  /** Throws, before anything is switched, unless every lane shows a moving picture. */
  async #out(style: RunStyle): Promise<void> {
    this.stage.value = 'starting';
    const lacking = await this.#moving(PATIENCE_MS);
    if (this.#abort.signal.aborted) return;
    if (lacking) throw new Error(`${lacking} A run would compare nothing.`);
    const before = await this.#ask();
    this.stage.value = 'running';
    const each = <T>(f: (l: LaneName) => T) =>
      Object.fromEntries(LANES.map((l) => [l, f(l)])) as Record<LaneName, T>;
    const from = now();
    const usual = Math.max(...LANES.map((l) => this.lanes[l].lately(BEFORE_MS, from).longestGapMs));
    const run: Current = {
      style,
      from,
      to: null,
      bytes: each((l) => this.received(l)),
      concealed: each((l) => this.#concealed(l)),
      result: null,
    };
    this.current.value = run;
    this.#steadiness.start();
    await this.#move(1, style);
    const { signal } = this.#abort;
    const least = AFTER_MS + (style === 'walk' ? before.walk_ms : 0);
    await sleep(least, signal);
    const stands = () => LANES.some((l) => !this.lanes[l].moving);
    while (!signal.aborted && stands() && now() < run.from + least + MOST_MS) await sleep(LOOK_MS, signal);
    if (signal.aborted) return;
    await this.#ask();
    const to = now();
    const stood = Math.max(usual, this.#steadiness.stop());
    const { quic, tcp, paths } = each((l) => this.#result(l, run, to));
    const told = await api<Run>('/api/compare/runs', {
      method: 'POST',
      body: { comparison: before.id, style, stood_ms: Math.round(stood), quic, tcp, paths },
      signal,
    });
    this.current.value = { ...run, to, result: told };
    this.stage.value = 'away';
    await this.#askRuns(await this.#ask());
  }

  #result(lane: LaneName, run: Current, to: number): LaneRun {
    const l = this.lanes[lane];
    const m = l.measure(run.from, to);
    return {
      longest_gap_ms: Math.round(m.longestGapMs),
      frozen_ms: Math.round(m.frozenMs),
      freezes: m.freezes,
      lost_ms: Math.round(m.lostMs),
      concealed_ms: Math.round(this.#concealed(lane) - run.concealed[lane]),
      bytes: this.received(lane) - run.bytes[lane],
      verdict: l.verdictName(run.from),
      silence_ms: Math.round(l.verdict(run.from)?.event.phases?.silence_ms ?? 0),
    };
  }

  #concealed(lane: LaneName): number {
    return this.lanes[lane].shown?.stats.concealedMs ?? 0;
  }

  async #back(): Promise<void> {
    this.stage.value = 'returning';
    await this.#move(0, 'hard');
    const { signal } = this.#abort;
    await sleep(BETWEEN_MS, signal);
    await this.#moving(MOST_MS);
    if (!signal.aborted) this.stage.value = 'ready';
  }
}

function twoPaths(): Worker {
  return new Worker(new URL('./two-paths.ts', import.meta.url), { type: 'module' });
}

/** Lets the links go. It is asked for while the page may be going. */
function forget(id: string): void {
  void fetch(`/api/compare/${id}`, { method: 'DELETE', keepalive: true }).catch(() => undefined);
}

function websocketAt(path: string): string {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  return url.href;
}
