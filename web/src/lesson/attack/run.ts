// One attack at a time on the page's own link: starts and stops it, asks the server what it has counted, and keeps what was so before.

import { type ReadonlySignal, signal } from '@preact/signals';
import { api, Refusal } from '../../api.ts';
import type { CallEngine } from '../../call/types.ts';
import { ownPath } from '../../dashboard/own.ts';
import { parseTime } from '../../dashboard/time.ts';
import type { AttackKind, AttackState } from '../../protocol/messages.gen.ts';

const askMs = 400;
/** An attack stops by itself; so long after that a server that does not answer is not asked any more. */
const graceMs = 5_000;

/** The attack that is shown: the one under way, else the last one. */
export interface Run {
  kind: AttackKind;
  /** The lab link that it is on. The call may get another one, or none, while it goes on. */
  link: string;
  attack: AttackState;
  /** The page's own freezes before it, since joining. */
  before: { freezes: number; frozenMs: number };
  /** The change of the client's address under it: when, on the server's clock, and on which connection; null before. */
  moved: { at: number; connection: string } | null;
}

export interface Attacks {
  readonly run: ReadonlySignal<Run | null>;
  /** A request is on its way: the buttons wait. */
  readonly busy: ReadonlySignal<boolean>;
  /** Why the last request failed, in the server's words; ''. */
  readonly problem: ReadonlySignal<string>;
  start(kind: AttackKind): Promise<void>;
  stop(): Promise<void>;
  /** Gives the page's connections new addresses, as a NAT does that has forgotten them. */
  rebind(): Promise<void>;
  /** Stops what is under way or about to be, without waiting. Never throws. */
  close(): void;
}

export function createAttacks(engine: CallEngine): Attacks {
  const run = signal<Run | null>(null);
  const busy = signal(false);
  const problem = signal('');
  const now = ownPath(engine).now;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  /** Takes what the server has of the run's attack. Another one, or none (null), means that this one is over. */
  const took = (of: Run, attack: AttackState | null) => {
    const shown = run.peek();
    if (!shown || shown.attack.began !== of.attack.began) return; // another has begun meanwhile
    clearTimeout(timer);
    const known = attack && attack.began === of.attack.began ? attack : { ...shown.attack, running: false };
    run.value = { ...shown, attack: known };
    if (known.running && !closed) timer = setTimeout(ask, askMs);
  };
  const ask = async () => {
    const of = run.peek();
    if (!of) return;
    try {
      took(of, await api<AttackState>(attackOn(of.link)));
    } catch (error) {
      // The page may be without its server for a moment; the buttons tell of what lasts.
      const late = now() > parseTime(of.attack.ends ?? '') + graceMs;
      took(of, isGone(error) || late ? null : of.attack);
    }
  };
  const request = async (what: () => Promise<void>) => {
    if (busy.peek()) return;
    busy.value = true;
    problem.value = '';
    try {
      await what();
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
    busy.value = false;
  };

  return {
    run,
    busy,
    problem,
    start: (kind) =>
      request(async () => {
        const { freezes, frozenMs, link: own } = engine.state.peek();
        if (!own) throw new Error('There is no lab link to attack.');
        const attack = await api<AttackState>(attackOn(own.id), { method: 'POST', body: { kind } });
        if (closed) {
          drop(own.id);
          return;
        }
        const made = { kind, link: own.id, attack, before: { freezes, frozenMs }, moved: null };
        run.value = made;
        took(made, attack);
      }),
    stop: () =>
      request(async () => {
        const of = run.peek();
        if (!of) return;
        try {
          took(of, await api<AttackState>(attackOn(of.link), { method: 'DELETE' }));
        } catch (error) {
          if (!isGone(error)) throw error;
          took(of, null);
        }
      }),
    rebind: () =>
      request(async () => {
        const of = run.peek();
        if (!of) return;
        const moved = { at: now(), connection: engine.state.peek().connection };
        await api(linkPath(of.link), { method: 'PATCH', body: { rebind: true } });
        run.value = { ...(run.peek() ?? of), moved };
      }),
    close() {
      closed = true;
      clearTimeout(timer);
      const of = run.peek();
      if (of?.attack.running) drop(of.link);
    },
  };
}

const linkPath = (id: string) => `/api/links/${encodeURIComponent(id)}`;
const attackOn = (link: string) => `${linkPath(link)}/attack`;

/** The link is no more. */
const isGone = (error: unknown) => error instanceof Refusal && error.status === 404;

function drop(link: string): void {
  api(attackOn(link), { method: 'DELETE' }).catch(() => {
    // it ends by itself
  });
}
