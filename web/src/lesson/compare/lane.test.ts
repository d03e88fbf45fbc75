import { describe, expect, it } from 'vitest';
import type { CallEngine, Remote } from '../../call/types.ts';
import type { PathEventData } from '../../protocol/messages.gen.ts';
import { Lane, shownIn } from './lane.ts';

function lane(): Lane {
  const made = new Lane('quic', { state: { value: { phase: 'connected' } } } as CallEngine);
  made.times = Array.from({ length: 200 }, (_, i) => 40 * i); // up to 7960
  return made;
}

describe('Lane', () => {
  it('calls no gap what it will only be told of later', () => {
    expect(lane().measure(5_000, 8_300).longestGapMs).toBe(40);
    expect(lane().measure(5_000, 9_000)).toMatchObject({ longestGapMs: 1_040, freezes: 1 });
  });

  it('has the last word of the server within a run', () => {
    const l = lane();
    const say = (at: number, event: Partial<PathEventData>) =>
      l.heard.push({ at, event: event as PathEventData });
    say(1_000, { type: 'path_switched', verdict: 'rebound' });
    say(3_000, { type: 'path_switched', verdict: 'rebound' });
    say(3_500, { type: 'session_resumed', verdict: 'resumed' });
    say(4_000, { type: 'handover_report', verdict: 'dropped' });
    say(9_000, { type: 'path_switched', verdict: 'migrated' });
    expect(l.verdict(2_000, 8_000)?.event.verdict).toBe('resumed');
    expect(l.verdict(2_000, 3_200)?.event.verdict).toBe('rebound');
    expect(l.verdict(5_000, 8_000)).toBeNull();
    expect(l.verdictName(5_000)).toBe('migrated');
  });
});

describe('a lane without a picture', () => {
  const blind = (phase: string) => new Lane('quic', { state: { value: { phase } } } as CallEngine);

  it('is never the best one, nor told as dropped', () => {
    const l = blind('failed');
    expect(l.measure(5_000, 9_000)).toMatchObject({ frames: 0, longestGapMs: 4_000, lostMs: 4_000 });
    expect(l.verdictName(5_000)).toBe('');
    expect(l.moving).toBe(false);
    l.times = [4_900];
    expect(l.verdictName(5_000)).toBe('dropped');
  });

  it('is measured lately from its first picture on', () => {
    expect(blind('connected').lately(4_000, 9_000)).toMatchObject({ frames: 0, longestGapMs: 0, lostMs: 0 });
    const l = lane();
    l.times = l.times.filter((t) => t >= 7_000);
    expect(l.lately(4_000, 7_960)).toMatchObject({ longestGapMs: 40, lostMs: 0 });
  });
});

describe('shownIn', () => {
  const of = (id: string, ...tracks: [number, string, boolean][]) =>
    ({ id, tracks: tracks.map(([id, source, muted]) => ({ id, source, muted })) }) as unknown as Remote;

  it('is the same in all lanes, whatever the order of joining', () => {
    const path = of('path 1');
    const ada = of('ada', [7, 'camera', false], [6, 'microphone', false]);
    const ben = of('ben', [3, 'camera', false]);
    const off = of('off', [1, 'camera', true]);
    expect(shownIn([path, off, ada, ben])?.id).toBe('ben');
    expect(shownIn([ben, ada])?.id).toBe('ben');
    expect(shownIn([path, off])).toBeNull();
  });
});
