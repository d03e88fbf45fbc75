// One attack at a time on the page's own link: starts and stops it, asks the server what it has counted, and keeps what was so before.

import { type ReadonlySignal, signal } from '@preact/signals';
import { api } from '../../api.ts';
import type { CallEngine } from '../../call/types.ts';
import { ownPath } from '../../dashboard/own.ts';
import type { AttackKind, AttackState } from '../../protocol/messages.gen.ts';

const askMs = 400;

/** The attack that is shown: the one under way, else the last one. */
export interface Run {
  kind: AttackKind;
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
  /** Stops what is under way, without waiting. */
  close(): void;
}

export function createAttacks(engine: CallEngine): Attacks {
  const run = signal<Run | null>(null);
  const busy = signal(false);
  const problem = signal('');
  const now = ownPath(engine).now;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const link = () => {
    const id = engine.state.peek().link?.id;
    if (!id) throw new Error('There is no lab link to attack.');
    return `/api/links/${encodeURIComponent(id)}`;
  };
  const took = (attack: AttackState) => {
    clearTimeout(timer);
    if (run.peek() && attack.began === run.peek()?.attack.began)
      run.value = { ...(run.peek() as Run), attack };
    if (attack.running && !closed) timer = setTimeout(ask, askMs);
  };
  const ask = async () => {
    try {
      took(await api<AttackState>(`${link()}/attack`));
    } catch {
      // The page may be without its server for a moment; the buttons tell of what lasts.
      if (!closed && run.peek()?.attack.running) timer = setTimeout(ask, askMs);
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
        const { freezes, frozenMs } = engine.state.peek();
        const attack = await api<AttackState>(`${link()}/attack`, { method: 'POST', body: { kind } });
        run.value = { kind, attack, before: { freezes, frozenMs }, moved: null };
        took(attack);
      }),
    stop: () => request(async () => took(await api<AttackState>(`${link()}/attack`, { method: 'DELETE' }))),
    rebind: () =>
      request(async () => {
        const moved = { at: now(), connection: engine.state.peek().connection };
        await api(link(), { method: 'PATCH', body: { rebind: true } });
        if (run.peek()) run.value = { ...(run.peek() as Run), moved };
      }),
    close() {
      closed = true;
      clearTimeout(timer);
      if (!run.peek()?.attack.running) return;
      void api(`${link()}/attack`, { method: 'DELETE' }).catch(() => {
        // it ends by itself
      });
    },
  };
}
