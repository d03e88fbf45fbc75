// The verdict on an attack, in plain words, from what was measured. Pure.

import { roundMs } from '../../dashboard/time.ts';
import type { AttackState } from '../../protocol/messages.gen.ts';
import { formatSeconds } from '../../ui/format.ts';
import { type Facts, type Moved, totalsOf } from './facts.ts';

export interface Outcome {
  /** For scripts: how far the case has come. */
  state:
    | 'waiting' // for the first challenge
    | 'challenged'
    | 'protected' // validation failed, the call did not move
    | 'relayed' // the call goes through the attacker
    | 'returned' // and came back
    | 'blocked' // all places are taken
    | 'moving' // the address changed, and nothing is known yet
    | 'resumed'
    | 'followed'
    | 'dropped'
    | 'incomplete'; // stopped before anything was to be seen
  tone: 'now' | 'good' | 'warn' | 'bad';
  title: string;
  text: string;
}

/** How the page stands. */
export interface Standing {
  /** ms on the server's clock. */
  now: number;
  /** Why the call is over, in words; '' while it goes on. */
  over: string;
}

/** A server that follows does so within a round trip or two; before this nobody can say that it does not. */
const followMs = 1_000;

/** Freezes of the picture since the attack began. */
export interface Freezes {
  count: number;
  ms: number;
}

export function freezeWords({ count, ms }: Freezes): string {
  if (count === 0) return '0 freezes';
  return count === 1 ? `1 freeze of ${formatSeconds(ms)}` : `${count} freezes, ${formatSeconds(ms)} in all`;
}

const times = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;

export function outcomeOf(
  attack: AttackState,
  facts: Facts,
  freezes: Freezes,
  moved: Moved | null,
  standing: Standing,
): Outcome {
  if (standing.over && (moved || attack.running)) {
    return { state: 'dropped', tone: 'bad', title: 'The call was dropped', text: standing.over };
  }
  if (attack.kind === 'relay') return relayed(attack, facts, freezes);
  if (moved) return moves(moved, freezes, standing.now);
  const { challenges, answers, others } = totalsOf(facts);
  const unanswered = `${times(challenges - answers, 'challenge')} unanswered`;
  if (facts.there) {
    return {
      state: 'relayed',
      tone: 'bad',
      title: 'The server moved to the attacker’s address',
      text: 'That was not expected: please keep the events below.',
    };
  }
  if (challenges === 0) return attack.running ? waiting : stopped;
  const failed = facts.addresses.filter((a) => a.failedMs !== null);
  if (attack.kind === 'three' && attack.running) {
    const asked = facts.addresses.filter((a) => a.challenges > 0).length;
    if (asked < facts.addresses.length) {
      return {
        state: 'challenged',
        tone: 'now',
        title: `${asked} of ${facts.addresses.length} addresses are being validated`,
        text: 'The server asks each of them for proof. Your call stays where it is.',
      };
    }
    return {
      state: 'blocked',
      tone: 'warn',
      title: 'All three places are taken: now change your address',
      text: `The call goes on: ${freezeWords(freezes)}, ${unanswered}. As long as you stay where you are, three addresses do no more than one.`,
    };
  }
  const first = failed[0];
  if (!first) {
    if (!attack.running) return stopped;
    return {
      state: 'challenged',
      tone: 'now',
      title: 'Challenged, and no answer so far',
      text: 'The server asked the attacker’s address for proof. Your call still goes to your own address.',
    };
  }
  return {
    state: 'protected',
    tone: freezes.count === 0 ? 'good' : 'warn',
    title: 'The call went on, and nothing of it went to the attacker',
    text: `${freezeWords(freezes)}, ${unanswered}, ${others === 0 ? '0 media packets' : times(others, 'other packet')} to the attacker. Validation failed after ${roundMs(first.failedMs ?? Number.NaN)}.`,
  };
}

const waiting: Outcome = {
  state: 'waiting',
  tone: 'now',
  title: 'The attack has begun',
  text: 'The first copies are on their way to the server.',
};

const stopped: Outcome = {
  state: 'incomplete',
  tone: 'warn',
  title: 'Stopped before there was anything to see',
  text: 'Start again and give it some seconds: a validation fails after about three seconds.',
};

function relayed(attack: AttackState, facts: Facts, freezes: Freezes): Outcome {
  const { challenges, others } = totalsOf(facts);
  const { there, back, backMs } = facts;
  if (!there) {
    if (!attack.running) return stopped;
    return challenges === 0
      ? waiting
      : {
          state: 'challenged',
          tone: 'now',
          title: 'Challenged: the attacker passes the challenge on to you',
          text: 'Your answer will come from its address.',
        };
  }
  if (!back) {
    return {
      state: 'relayed',
      tone: 'bad',
      title: 'Your call goes through the attacker',
      text: `The challenge was answered in ${roundMs(there.response_ms ?? Number.NaN)}: by you, through its address. ${times(others, 'packet')} of your call went there, all of it ciphertext. The call goes on: ${freezeWords(freezes)}.${attack.running ? ' Stop the attack to see it come back.' : ' Waiting for the call to come back.'}`,
    };
  }
  if (back.type === 'session_resumed') {
    return {
      state: 'resumed',
      tone: 'warn',
      title: 'The attacker was in the way, and another connection took the call over',
      text: `The page opened it and showed its resume token. ${freezeWords(freezes)}; ${times(others, 'packet')} went over the attacker, all of it ciphertext.`,
    };
  }
  const when =
    backMs !== null && backMs >= 0
      ? `${roundMs(backMs)} after the attacker stopped`
      : 'while the attacker was still there';
  return {
    state: 'returned',
    tone: freezes.count === 0 ? 'good' : 'warn',
    title: 'The attacker was in the way, read nothing, and the call came back',
    text: `Your own packets brought the server back to your address ${when}. ${freezeWords(freezes)}; ${times(others, 'packet')} went over the attacker, all of it ciphertext.`,
  };
}

/** What the page measured of its picture around the resumption. */
function gapWords({ report }: Moved): string {
  const down = report?.report?.down;
  return down?.measured ? ` Longest gap in the picture: ${roundMs(down.longest_gap_ms)}.` : '';
}

function moves(moved: Moved, freezes: Freezes, now: number): Outcome {
  if (moved.resumed) {
    const { phases } = moved.resumed;
    const parts = phases
      ? ` (${roundMs(phases.silence_ms)} of silence, ${roundMs(phases.handshake_ms)} for the handshake)`
      : '';
    return {
      state: 'resumed',
      tone: 'warn',
      title: `QUIC did not follow; the call resumed ${roundMs(moved.backMs ?? Number.NaN)} after the change`,
      text: `The server sent ${moved.challenges === 0 ? 'no challenge' : times(moved.challenges, 'challenge')} to your new address. The page opened another connection and showed its resume token${parts}.${gapWords(moved)} Since the attack began: ${freezeWords(freezes)}.`,
    };
  }
  if (moved.followed) {
    return {
      state: 'followed',
      tone: 'good',
      title: 'The server followed you all the same',
      text: `One of the three places was free: your new address was validated. ${freezeWords(freezes)}.`,
    };
  }
  const got = moved.challenges === 0 ? 'no challenge' : times(moved.challenges, 'challenge');
  if (!(now - moved.at >= followMs)) {
    return {
      state: 'moving',
      tone: 'now',
      title: 'Your address has changed: does the server follow?',
      text: `Your new address got ${got} so far.`,
    };
  }
  return {
    state: 'moving',
    tone: 'now',
    title: 'Your address has changed, and the server does not follow',
    text: `It still sends to the old one; your new one got ${got}. The page notices the silence.`,
  };
}
