import { describe, expect, it } from 'vitest';
import type { LaneRun, Run } from './types.ts';
import { type Lacking, lackingWords, networkWords, shortBytes, story } from './words.ts';

function lane(more: Partial<LaneRun>): LaneRun {
  return {
    longest_gap_ms: 80,
    frozen_ms: 0,
    freezes: 0,
    lost_ms: 0,
    concealed_ms: 0,
    bytes: 500_000,
    verdict: '',
    silence_ms: 0,
    ...more,
  };
}

const run: Run = {
  id: 1,
  time: '',
  seat: 1,
  style: 'walk',
  stood_ms: 0,
  quic: lane({ verdict: 'rebound' }),
  tcp: lane({ verdict: 'resumed', silence_ms: 512, freezes: 1, frozen_ms: 900, longest_gap_ms: 900 }),
  paths: lane({ bytes: 950_000 }),
};

describe('story', () => {
  it('says what happened, beginning with the verdict, and no more', () => {
    expect(story('quic', run, 73)).toBe(
      'rebound: the same connection, under the same ID. Its address changed; the server challenged the new address, had its answer in 73 ms and sent on. No freeze; the longest gap was 80 ms.',
    );
    expect(story('tcp', run, 0)).toBe(
      'resumed: the TCP connection died with its address, and nobody was told. The page found out after 512 ms of silence; a new TCP connection took the participant over. The picture froze once, for 0.9 s in all.',
    );
    expect(story('paths', run, 0)).toBe(
      'No connection changed: the second path went on as before. Packets were sent on both, and came twice where both worked: 950.0 kB in all (1.9 times the QUIC lane’s). No freeze; the longest gap was 80 ms.',
    );
  });

  it('never calls a resumed call migrated, nor a dropped one kept', () => {
    const other = {
      ...run,
      quic: lane({ verdict: 'resumed', freezes: 2, frozen_ms: 1_200 }),
      tcp: lane({ verdict: 'dropped' }),
      paths: lane({ verdict: 'resumed' }),
    };
    expect(story('quic', other, 0)).toMatch(
      /^resumed: the page gave the connection up .* froze 2 times, for 1.2 s/,
    );
    expect(story('tcp', other, 0)).toMatch(/^dropped: the call did not come back\./);
    expect(story('paths', other, 0)).toMatch(
      /^One of the two connections was resumed; the other carried on\./,
    );
    expect(story('quic', { ...run, quic: lane({}) }, 0)).toMatch(/^The server has seen no change/);
    expect(story('quic', { ...run, quic: lane({ verdict: 'migrated' }) }, 0)).toMatch(/under another ID/);
  });
});

describe('lackingWords', () => {
  const of = (lane: Lacking['lane'], more: Partial<Lacking> = {}) => ({
    lane,
    failure: '',
    encrypted: false,
    ...more,
  });

  it.each([
    [[], ''],
    [[of('quic')], 'QUIC shows no picture yet.'],
    [[of('quic'), of('tcp')], 'QUIC and TCP show no picture yet.'],
    [[of('quic'), of('tcp'), of('paths')], 'QUIC, TCP and Two paths show no picture yet.'],
    [
      [of('quic', { failure: 'The server does not answer.' }), of('paths')],
      'QUIC has failed: The server does not answer. Two paths show no picture yet.',
    ],
    [
      [of('tcp', { encrypted: true })],
      'TCP shows no picture yet. The picture is encrypted from end to end, and this page has no key.',
    ],
  ])('of %j', (lanes, words) => {
    expect(lackingWords(lanes)).toBe(words);
  });
});

it('has a network in a line', () => {
  const cellular = {
    name: 'cellular',
    title: 'Cellular',
    delay_ms: 35,
    jitter_ms: 8,
    loss: 0.001,
    rate_bps: 12e6,
  };
  expect(networkWords(cellular)).toBe('Cellular: 35 ± 8 ms one way, 12 Mbit/s, 0.1 % loss');
});

it('rounds bytes for large letters', () => {
  expect([12, 337_228, 999_600, 1_234_567].map(shortBytes)).toEqual(['12 B', '337 kB', '999.6 kB', '1.2 MB']);
});
