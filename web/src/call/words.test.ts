import { describe, expect, it } from 'vitest';
import { emptyStats } from '../media/stats.ts';
import type { HandoverReport } from '../protocol/messages.gen.ts';
import type { LinkNetwork, RemoteTrack } from './types.ts';
import {
  handoverFacts,
  handoverSentence,
  networkNumbers,
  type Person,
  peopleChanges,
  phaseChange,
  privacyOf,
  reactionSentences,
  recordingSentences,
  styleOn,
  stylesOf,
} from './words.ts';

const ada: Person = { id: 'a', name: 'Ada', presence: 'connected', hand: 0, recording: false };
const bob: Person = { id: 'b', name: 'Bob', presence: 'connected', hand: 0, recording: false };

describe('people', () => {
  it('says who joined, left, lost the connection and came back', () => {
    expect(peopleChanges([], [ada])).toEqual(['Ada joined.']);
    expect(peopleChanges([ada], [bob])).toEqual(['Bob joined.', 'Ada left.']);
    expect(peopleChanges([ada], [{ ...ada, presence: 'reconnecting' }])).toEqual(['Ada is reconnecting.']);
    expect(peopleChanges([{ ...ada, presence: 'reconnecting' }], [ada])).toEqual(['Ada is back.']);
    expect(peopleChanges([ada, bob], [ada, bob])).toEqual([]);
  });

  it('says who begins to record and ends it, of those who join as well', () => {
    const records = { ...bob, recording: true };
    expect(peopleChanges([ada, bob], [ada, records])).toEqual(['Bob is recording.']);
    expect(peopleChanges([records], [records])).toEqual([]);
    expect(peopleChanges([records], [bob])).toEqual(['Bob no longer records.']);
    expect(peopleChanges([], [records])).toEqual(['Bob joined.', 'Bob is recording.']);
    expect(recordingSentences([ada, records])).toEqual(['Bob is recording.']);
  });

  it('says whose hand goes up or down, and nothing when others change the order', () => {
    const up = { ...bob, hand: 3 };
    expect(peopleChanges([ada, bob], [ada, up])).toEqual(['Bob raised a hand.']);
    expect(peopleChanges([up], [bob])).toEqual(['Bob lowered the hand.']);
    expect(peopleChanges([up], [{ ...up, hand: 5 }])).toEqual([]);
    expect(peopleChanges([{ ...up, presence: 'reconnecting' }], [bob])).toEqual([
      'Bob is back.',
      'Bob lowered the hand.',
    ]);
  });

  it('says who reacts, once and not of oneself', () => {
    const reactions = [
      { participant: 'a', emoji: '👍', at: 1 },
      { participant: 'b', emoji: '🎉', at: 2 },
      { participant: 'me', emoji: '👏', at: 3 },
    ] as const;
    expect(reactionSentences([...reactions], 1, [ada, bob])).toEqual(['Bob reacts: Party.']);
    expect(reactionSentences([...reactions], 3, [ada, bob])).toEqual([]);
  });
});

describe('encryption', () => {
  const track: RemoteTrack = {
    id: 1,
    kind: 'video',
    source: 'camera',
    codec: 'vp8',
    encrypted: false,
    muted: false,
  };
  const remote = (tracks: boolean[], wrongKey = false) => ({
    tracks: tracks.map((encrypted) => ({ ...track, encrypted })),
    stats: { ...emptyStats(), wrongKey },
  });

  it('says what one cannot see, and what others could', () => {
    expect(privacyOf(remote([true, true]), true)).toBeNull();
    expect(privacyOf(remote([true, true], true), true)).toBe('wrong-key');
    expect(privacyOf(remote([true, true]), false)).toBe('no-key');
    expect(privacyOf(remote([false, false]), true)).toBe('not-encrypted');
    expect(privacyOf(remote([true, false]), true)).toBe('not-encrypted');
    expect(privacyOf(remote([false, false]), false)).toBeNull(); // as calls are
    expect(privacyOf(remote([]), true)).toBeNull(); // who sends nothing
  });
});

describe('phases', () => {
  it('says only what matters to a person', () => {
    expect(phaseChange('connecting', 'connected')).toBe('You are in the call.');
    expect(phaseChange('connected', 'reconnecting')).toMatch(/Reconnecting/);
    expect(phaseChange('reconnecting', 'connected')).toBe('Reconnected.');
    expect(phaseChange('connected', 'connected')).toBeNull();
    expect(phaseChange('connected', 'left')).toBeNull();
  });
});

const silent = {
  measured: false,
  longest_gap_ms: 0,
  frame_ms: 0,
  usual_gap_ms: 0,
  frozen: false,
  concealed_ms: 0,
  frames_lost: 0,
  receivers: 0,
  at_arrival: false,
};
const report: HandoverReport = {
  verdict: 'rebound',
  from: { path: 0, local: '', remote: '' },
  to: { path: 1, local: '', remote: '' },
  started: '',
  switched: '',
  response_ms: 31,
  down: { ...silent, measured: true, longest_gap_ms: 48.4 },
  up: silent,
};

describe('a handover', () => {
  it('says what was measured', () => {
    expect(handoverFacts(report)).toEqual(['you saw no gap longer than 48 ms']);
    const both = {
      ...report,
      up: { ...silent, measured: true, longest_gap_ms: 412, frozen: true, concealed_ms: 60 },
    };
    expect(handoverFacts(both)[1]).toBe(
      'others saw a freeze of your picture: 412 ms, 60 ms of sound filled in',
    );
    expect(
      handoverFacts({
        ...report,
        up: { ...silent, measured: true, longest_gap_ms: 80, at_arrival: true },
      })[1],
    ).toBe('your picture arrived with no gap longer than 80 ms');
    expect(handoverSentence(report)).toBe(
      'Rebound: same connection, new address. You saw no gap longer than 48 ms.',
    );
  });

  it('does not make up what was not measured', () => {
    expect(handoverFacts({ ...report, down: silent })).toEqual([]);
    expect(handoverSentence({ ...report, down: silent })).toBe('Rebound: same connection, new address.');
  });

  it('never calls a resumed call the same connection', () => {
    expect(handoverSentence({ ...report, verdict: 'resumed' })).not.toMatch(/same connection/i);
  });
});

describe('an emulated network', () => {
  const network: LinkNetwork = {
    name: 'cellular',
    title: 'Cellular',
    delay_ms: 35,
    jitter_ms: 8,
    loss: 0.001,
    rate_bps: 12_000_000,
    active: false,
    source: '127.0.1.2',
    loss_now: 0.001,
    rate_now: 12_000_000,
  };
  it('shows all of its numbers', () => {
    expect(networkNumbers(network)).toEqual(['35 ms ± 8', '0.1 % loss', '12 Mbit/s']);
    expect(networkNumbers({ ...network, jitter_ms: 0, loss: 0, rate_bps: 0 })).toEqual([
      '35 ms',
      '0 % loss',
      'no limit',
    ]);
  });
});

describe('ways to change network', () => {
  it('are those that the networks of a link have', () => {
    expect(stylesOf({ emulated: true }).map((s) => s.style)).toEqual(['hard', 'soft', 'walk']);
    expect(stylesOf({ emulated: false }).map((s) => s.style)).toEqual(['hard', 'soft']);
    expect(styleOn({ emulated: true }, 'walk')).toBe('walk');
    expect(styleOn({ emulated: false }, 'walk')).toBe('hard');
    expect(styleOn({ emulated: false }, 'soft')).toBe('soft');
  });
});
