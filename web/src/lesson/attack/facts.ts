// What the server's events and the attacker's counters say of one attack. Pure.

import { parseTime } from '../../dashboard/time.ts';
import type { Attacker, AttackState, PathEventData } from '../../protocol/messages.gen.ts';

/** One address of the attacker's. Times are ms on the server's clock. */
export interface AddressFacts {
  attacker: Attacker;
  /** PATH_CHALLENGE frames that the server sent there, and PATH_RESPONSE frames that answered one. */
  challenges: number;
  answers: number;
  challengedAt: number | null; // first
  /** From the first challenge to the answer. */
  answeredMs: number | null;
  /** From the first challenge of the first validation that failed to its failure. */
  failedMs: number | null;
  /** Packets that were no challenges. */
  others: number;
}

export interface Facts {
  addresses: AddressFacts[];
  /** The server began to send to an attacker, the last time. */
  there: PathEventData | null;
  /** Since then it went from there to the client's address (path_switched), or another connection took the call over (session_resumed), ... */
  back: PathEventData | null;
  /** ... so long after the attack had ended. */
  backMs: number | null;
  /** The path that was left was challenged in the meantime (RFC 9000, section 9.3.3). */
  leftChallenged: number;
}

/** What became of a change of the client's address. */
export interface Moved {
  at: number;
  /** Challenges to an address that is not the attacker's, on the connection that there was. */
  challenges: number;
  followed: PathEventData | null; // path_switched
  resumed: PathEventData | null;
  /** From the change to the new session. */
  backMs: number | null;
  /** The resumption's, once it has come. */
  report: PathEventData | null;
}

/** `all` are the events of all of the participant's connections, in order. Those before the attack are not its doing. */
export function factsOf(attack: AttackState, all: readonly PathEventData[]): Facts {
  const began = parseTime(attack.began ?? '');
  const events = all.filter((e) => parseTime(e.time) >= began);
  const ours = new Set(attack.attackers.map((a) => a.address));
  const there = events.findLast((e) => e.type === 'path_switched' && ours.has(e.remote ?? '')) ?? null;
  const back =
    events.findLast(
      (e) =>
        (e.type === 'path_switched' || e.type === 'session_resumed') &&
        ours.has(e.from?.remote ?? '') &&
        !ours.has(e.remote ?? '') &&
        e.id > (there?.id ?? 0),
    ) ?? null;
  const left = there?.from?.remote;
  return {
    addresses: attack.attackers.map((a) => addressFacts(a, events)),
    there,
    back,
    backMs: back && attack.ended ? parseTime(back.time) - parseTime(attack.ended) : null,
    leftChallenged: events.filter(
      (e) =>
        e.type === 'path_challenge_sent' &&
        e.remote === left &&
        e.id > (there?.id ?? Number.POSITIVE_INFINITY) &&
        !(attack.ended && parseTime(e.time) >= parseTime(attack.ended)),
    ).length,
  };
}

function addressFacts(attacker: Attacker, events: readonly PathEventData[]): AddressFacts {
  const own = events.filter((e) => e.remote === attacker.address);
  const sent = own.filter((e) => e.type === 'path_challenge_sent');
  const failed = own.find((e) => e.type === 'path_validation_failed');
  const validated = own.find((e) => e.type === 'path_validated');
  const began = failed && sent.findLast((e) => e.id < failed.id && e.attempt === 1);
  const { packets, padded } = attacker.received;
  return {
    attacker,
    challenges: sent.length,
    answers: own.filter((e) => e.type === 'path_response_received').length,
    challengedAt: sent[0] ? parseTime(sent[0].time) : null,
    answeredMs: validated?.response_ms ?? null,
    failedMs: failed && began ? parseTime(failed.time) - parseTime(began.time) : null,
    // Where the path was validated all sizes are possible, and the count of the challenges tells.
    others: validated ? Math.max(0, packets - sent.length) : packets - padded,
  };
}

/** `at`: when the address changed, ms on the server's clock; `connection`: the one that there was then. */
export function movedOf(
  attack: AttackState,
  events: readonly PathEventData[],
  at: number,
  connection: string,
): Moved {
  const ours = new Set(attack.attackers.map((a) => a.address));
  const later = events.filter((e) => parseTime(e.time) >= at);
  const own = later.filter((e) => e.connection === connection && !ours.has(e.remote ?? ''));
  const resumed = later.find((e) => e.type === 'session_resumed' && e.previous === connection) ?? null;
  return {
    at,
    challenges: own.filter((e) => e.type === 'path_challenge_sent').length,
    followed: own.find((e) => e.type === 'path_switched') ?? null,
    resumed,
    backMs: resumed ? parseTime(resumed.time) - at : null,
    report:
      later.find((e) => e.type === 'handover_report' && resumed && e.connection === resumed.connection) ??
      null,
  };
}

/** Sums over all addresses. */
export interface Totals {
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
  padded: number;
  challenges: number;
  answers: number;
  others: number;
}

export function totalsOf({ addresses }: Facts): Totals {
  const sum = (of: (a: AddressFacts) => number) => addresses.reduce((n, a) => n + of(a), 0);
  return {
    sentPackets: sum((a) => a.attacker.sent.packets),
    sentBytes: sum((a) => a.attacker.sent.bytes),
    receivedPackets: sum((a) => a.attacker.received.packets),
    receivedBytes: sum((a) => a.attacker.received.bytes),
    padded: sum((a) => a.attacker.received.padded),
    challenges: sum((a) => a.challenges),
    answers: sum((a) => a.answers),
    others: sum((a) => a.others),
  };
}
