import { signal } from '@preact/signals';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CallEngine } from '../../call/types.ts';
import type { AttackState } from '../../protocol/messages.gen.ts';
import { createAttacks } from './run.ts';

const BEGAN = '2026-11-23T12:00:00Z';

const state = (more: Partial<AttackState> = {}): AttackState => ({
  kind: 'copy',
  running: true,
  began: BEGAN,
  ends: '2026-11-23T12:01:00Z',
  attackers: [],
  ...more,
});

/** A page on link l1 whose server answers like this, and what it was asked. */
function page(answer: (method: string) => Response | Promise<Response>) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string, { method = 'GET' }: RequestInit = {}) => {
    asked.push(`${method} ${path}`);
    return answer(method);
  });
  const call = signal({
    link: { id: 'l1' } as { id: string } | null,
    freezes: 0,
    frozenMs: 0,
    connection: 'c1',
  });
  const attacks = createAttacks({ state: call, onPath: () => () => undefined } as unknown as CallEngine);
  return { asked, call, attacks };
}

const gone = () => Response.json({ error: 'There is no such link.' }, { status: 404 });

describe('an attack', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.parse(BEGAN) });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('is asked for at the link that it is on, and is over with that link', async () => {
    let there = true;
    const { asked, call, attacks } = page(() => (there ? Response.json(state()) : gone()));
    await attacks.start('copy');
    call.value = { ...call.value, link: null }; // the call goes over TCP now
    await vi.advanceTimersByTimeAsync(900);
    expect(attacks.run.value?.attack.running).toBe(true);
    expect(new Set(asked)).toEqual(new Set(['POST /api/links/l1/attack', 'GET /api/links/l1/attack']));
    there = false;
    await vi.advanceTimersByTimeAsync(500);
    expect(attacks.run.value?.attack.running).toBe(false);
    const all = asked.length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toHaveLength(all);
    expect(() => attacks.close()).not.toThrow();
    expect(asked).toHaveLength(all);
  });

  it('is over when the server has another one', async () => {
    let began = BEGAN;
    const { attacks } = page(() => Response.json(state({ began })));
    await attacks.start('copy');
    began = '2026-11-23T12:00:30Z';
    await vi.advanceTimersByTimeAsync(500);
    expect(attacks.run.value?.attack).toMatchObject({ running: false, began: BEGAN });
  });

  it('is not asked for for ever where nobody answers', async () => {
    const { asked, attacks } = page((method) => {
      if (method === 'POST') return Response.json(state());
      throw new TypeError('Failed to fetch');
    });
    await attacks.start('copy');
    await vi.advanceTimersByTimeAsync(64_000);
    expect(attacks.run.value?.attack.running).toBe(true);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(attacks.run.value?.attack.running).toBe(false);
    const all = asked.length;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toHaveLength(all);
  });

  it('can be stopped when its link is no more', async () => {
    const { attacks } = page((method) => (method === 'POST' ? Response.json(state()) : gone()));
    await attacks.start('copy');
    await attacks.stop();
    expect(attacks.problem.value).toBe('');
    expect(attacks.run.value?.attack.running).toBe(false);
  });

  it('is stopped by who leaves, also while it is about to begin', async () => {
    const { asked, attacks } = page(() => Response.json(state()));
    await attacks.start('copy');
    attacks.close();
    expect(asked.at(-1)).toBe('DELETE /api/links/l1/attack');

    const early = page(() => Response.json(state()));
    const starting = early.attacks.start('copy');
    early.attacks.close();
    await starting;
    expect(early.asked).toEqual(['POST /api/links/l1/attack', 'DELETE /api/links/l1/attack']);
    expect(early.attacks.run.value).toBeNull();
  });

  it('needs a link', async () => {
    const { asked, call, attacks } = page(() => gone());
    call.value = { ...call.value, link: null };
    await attacks.start('copy');
    expect(attacks.problem.value).toBe('There is no lab link to attack.');
    expect(asked).toEqual([]);
    expect(() => attacks.close()).not.toThrow();
  });
});
