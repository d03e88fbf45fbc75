import { describe, expect, it } from 'vitest';
import { event, iso, origin, wifi } from '../../dashboard/fixture.ts';
import type { Attacker, AttackState, PathEventData } from '../../protocol/messages.gen.ts';
import { type Facts, factsOf, type Moved, movedOf, totalsOf } from './facts.ts';
import { partsOf } from './hex.tsx';
import { type Freezes, outcomeOf as outcomeAt, type Standing } from './outcome.ts';

const none = { count: 0, ms: 0 };

/** Six seconds after the beginning, in a call that goes on, if nothing else is said. */
const outcomeOf = (
  attack: AttackState,
  facts: Facts,
  freezes: Freezes,
  moved: Moved | null,
  standing: Partial<Standing> = {},
) => outcomeAt(attack, facts, freezes, moved, { now: origin + 6_000, over: '', ...standing });

function attacker(n: number, received: { packets: number; padded: number; bytes: number }): Attacker {
  return {
    network: n === 0 ? 'attacker' : `attacker-${n}`,
    address: `127.0.0.${n + 2}:40000`,
    sent: { packets: 100, bytes: 10_000, padded: 0 },
    received,
    max_ratio: 12,
  };
}

function attack(kind: AttackState['kind'], ended: number | null, attackers: Attacker[]): AttackState {
  return {
    kind: kind ?? 'copy',
    running: ended === null,
    began: iso(0),
    ...(ended !== null && { ended: iso(ended) }),
    ends: iso(60_000),
    attackers,
  };
}

const at = { path: 1, remote: '127.0.0.2:40000', network: 'attacker' };

/** As many challenges as quic-go sends until the first validation fails, and the next one. */
function unanswered(): PathEventData[] {
  return [
    ...[10, 110, 310, 710, 1510].map((ms, i) =>
      event('path_challenge_sent', ms, { ...at, attempt: i + 1, challenge: `c${ms}` }),
    ),
    event('path_validation_failed', 10 + 3072, { ...at, reason: 'no PATH_RESPONSE within 3 probe timeouts' }),
    event('path_challenge_sent', 3110, { ...at, attempt: 1, challenge: 'c3110' }),
  ];
}

describe('copies from one address', () => {
  const counted = attacker(0, { packets: 6, padded: 6, bytes: 7200 });

  it('waits, is challenged, and fails after 3 PTO', () => {
    const running = attack('copy', null, [counted]);
    const events = unanswered();
    const states = [0, 1, 5, 6, 7].map(
      (n) => outcomeOf(running, factsOf(running, events.slice(0, n)), none, null).state,
    );
    expect(states).toEqual(['waiting', 'challenged', 'challenged', 'protected', 'protected']);
    const facts = factsOf(running, events);
    expect(facts.addresses[0]).toMatchObject({ challenges: 6, answers: 0, others: 0 });
    expect(facts.addresses[0]?.failedMs).toBeCloseTo(3072);
    expect(facts.addresses[0]?.challengedAt).toBeCloseTo(origin + 10);
    const outcome = outcomeOf(running, facts, none, null);
    expect(outcome.tone).toBe('good');
    expect(outcome.text).toBe(
      '0 freezes, 6 challenges unanswered, 0 media packets to the attacker. Validation failed after 3.1 s.',
    );
    expect(outcomeOf(running, facts, { count: 1, ms: 240 }, null)).toMatchObject({
      tone: 'warn',
      text: expect.stringContaining('1 freeze of 0.2 s, 6 challenges'),
    });
  });

  it('says that it was stopped too early', () => {
    const over = attack('copy', 500, [counted]);
    expect(outcomeOf(over, factsOf(over, unanswered().slice(0, 3)), none, null).state).toBe('incomplete');
  });

  it('counts what is no challenge', () => {
    const running = attack('copy', null, [attacker(0, { packets: 8, padded: 6, bytes: 7300 })]);
    expect(totalsOf(factsOf(running, unanswered())).others).toBe(2);
  });
});

describe('relaying', () => {
  const counted = attacker(0, { packets: 501, padded: 40, bytes: 300_000 });
  const story = [
    event('path_challenge_sent', 10, { ...at, attempt: 1, challenge: 'aa' }),
    event('path_response_received', 25, { ...at, challenge: 'aa', response_ms: 15 }),
    event('path_validated', 25, { ...at, challenge: 'aa', response_ms: 15 }),
    event('path_switched', 26, { ...at, verdict: 'rebound', from: wifi, response_ms: 15 }),
  ];
  const back = [
    event('path_challenge_sent', 5020, { ...wifi, attempt: 1 }),
    event('path_validated', 5032, { ...wifi, response_ms: 12 }),
    event('path_switched', 5033, {
      ...wifi,
      verdict: 'rebound',
      from: { path: 1, local: wifi.local, remote: at.remote, network: 'attacker' },
    }),
  ];

  it('is in the way until it stops', () => {
    const running = attack('relay', null, [counted]);
    const facts = factsOf(running, story);
    expect(facts.addresses[0]).toMatchObject({ challenges: 1, answers: 1, answeredMs: 15, others: 500 });
    expect(outcomeOf(running, facts, none, null)).toMatchObject({ state: 'relayed', tone: 'bad' });
    const over = attack('relay', 5000, [counted]);
    expect(outcomeOf(over, factsOf(over, story), none, null).state).toBe('relayed');
    const after = factsOf(over, [...story, ...back]);
    expect(after.backMs).toBeCloseTo(33);
    expect(after.leftChallenged).toBe(0); // the one after the end is not what section 9.3.3 asks for
    expect(outcomeOf(over, after, none, null)).toMatchObject({
      state: 'returned',
      text: expect.stringContaining('33 ms after the attacker stopped'),
    });
  });

  it('lets the newest switch decide, and what was before it is not its doing', () => {
    const running = attack('relay', null, [counted]);
    const again = event('path_switched', 5050, { ...at, verdict: 'rebound', from: wifi, response_ms: 15 });
    const facts = factsOf(running, [...story, ...back, again]);
    expect(facts).toMatchObject({ there: again, back: null, backMs: null });
    expect(outcomeOf(running, facts, none, null).state).toBe('relayed');

    const second = { ...running, began: iso(5040) };
    expect(factsOf(second, [...story, ...back])).toMatchObject({ there: null, back: null });
    expect(factsOf(second, [...story, ...back]).addresses[0]).toMatchObject({
      challenges: 0,
      answeredMs: null,
    });
  });

  it('tells a resumption from a way back', () => {
    const over = attack('relay', 5000, [counted]);
    const resumed = event('session_resumed', 5400, {
      connection: 'c2',
      previous: 'c1',
      remote: wifi.remote,
      from: { path: 1, local: wifi.local, remote: at.remote, network: 'attacker' },
    });
    expect(outcomeOf(over, factsOf(over, [...story, resumed]), none, null).state).toBe('resumed');
  });
});

describe('three addresses', () => {
  const three = [1, 2, 3].map((n) => attacker(n, { packets: 2, padded: 2, bytes: 2400 }));
  const challenges = three.map((a, i) =>
    event('path_challenge_sent', 10 + i, { path: i + 1, remote: a.address, network: a.network, attempt: 1 }),
  );

  it('takes all places, and a change of address ends in a resumption', () => {
    const running = attack('three', null, three);
    expect(outcomeOf(running, factsOf(running, challenges.slice(0, 2)), none, null).state).toBe('challenged');
    const facts = factsOf(running, challenges);
    expect(outcomeOf(running, facts, none, null).state).toBe('blocked');

    const moving = movedOf(running, challenges, origin + 4000, 'c1');
    const title = (ms: number) => outcomeOf(running, facts, none, moving, { now: origin + 4000 + ms }).title;
    expect(title(0)).toBe('Your address has changed: does the server follow?');
    expect(title(1_100)).toBe('Your address has changed, and the server does not follow');
    expect(outcomeOf(running, facts, none, moving).state).toBe('moving');
    expect(outcomeOf(running, facts, none, moving, { over: 'The server does not answer.' })).toMatchObject({
      state: 'dropped',
      text: 'The server does not answer.',
    });
    const resumed = event('session_resumed', 4420, {
      connection: 'c2',
      previous: 'c1',
      verdict: 'resumed',
      phases: { silence_ms: 210, handshake_ms: 90, first_frame_ms: 60 },
    });
    // The same addresses are challenged on the new connection, too: that is no answer to the client's new address.
    const again = event('path_challenge_sent', 4500, {
      connection: 'c2',
      remote: three[0]?.address ?? '',
      attempt: 1,
    });
    const moved = movedOf(running, [...challenges, resumed, again], origin + 4000, 'c1');
    expect(moved).toMatchObject({ challenges: 0, followed: null });
    expect(moved.backMs).toBeCloseTo(420);
    expect(outcomeOf(running, facts, { count: 1, ms: 400 }, moved)).toMatchObject({
      state: 'resumed',
      text: expect.stringMatching(/no challenge.*210 ms of silence, 90 ms.*1 freeze of 0\.4 s/),
    });
  });

  it('says so if the server follows all the same', () => {
    const running = attack('three', null, three);
    const followed = event('path_switched', 4100, { ...wifi, remote: '127.0.1.1:7', verdict: 'rebound' });
    const moved = movedOf(running, [...challenges, followed], origin + 4000, 'c1');
    expect(outcomeOf(running, factsOf(running, challenges), none, moved).state).toBe('followed');
  });
});

describe('a packet as the attacker has it', () => {
  const ids = [
    { id: '', sequence: 0, issuer: 'client' as const, state: 'in_use' },
    { id: '0011223344556677', sequence: 0, issuer: 'server' as const, state: 'in_use' },
  ];
  it.each([
    ['with an ID', '4500112233445566778899aa', 'server', ['45', '0011223344556677', '8899aa']],
    ['with an empty ID', '458899aa', 'client', ['45', '', '8899aa']],
    ['with one that is not known', '45ffffff', 'server', ['45', '', 'ffffff']],
  ] as const)('%s', (_, hex, issuer, [flags, id, cipher]) => {
    expect(partsOf(hex, ids, issuer)).toEqual({ flags, id, cipher });
  });
});
