import { describe, expect, it } from 'vitest';
import { emptyStats } from '../media/stats.ts';
import { facts } from './facts.ts';
import type { Remote } from './types.ts';

const ada: Remote = {
  id: 'ada',
  name: 'Ada',
  presence: 'connected',
  test: false,
  tracks: [
    { id: 1, kind: 'audio', source: 'microphone', codec: 'opus', encrypted: false, muted: false },
    { id: 2, kind: 'video', source: 'camera', codec: 'vp8', encrypted: false, muted: false },
  ],
  hand: 0,
  recording: false,
  level: 0,
  speaking: false,
  stats: {
    ...emptyStats(),
    width: 1280,
    height: 720,
    fps: 29.7,
    lipSyncMs: -12.4,
    playoutMs: 61.7,
    freezes: 1,
    frozenMs: 1_240,
  },
};

const of = (r: Remote) => Object.fromEntries(facts(r, 'webtransport').map((f) => [f.name, f.value]));

describe('facts', () => {
  it('says what is received', () => {
    expect(of(ada)).toMatchObject({
      Picture: '1280 × 720, 30 frames/s',
      Codecs: 'VP8, Opus',
      'Picture against sound': '12 ms early',
      'Sound waits': '62 ms',
      Freezes: '1 (1.2 s)',
      'Your way to the server': 'WebTransport over QUIC',
    });
  });

  it('claims nothing where nothing comes', () => {
    const silent = { ...ada, tracks: [], stats: emptyStats() };
    expect(of(silent)).toMatchObject({
      Picture: '–',
      Codecs: '–',
      'Sound waits': '–',
      'Longest gap, last 10 s': '–',
      'Picture against sound': '–',
    });
  });
});
