import { describe, expect, it } from 'vitest';
import { COLUMNS, csv } from './csv.ts';
import { ofStyle, people, quantile, rows } from './statistics.ts';
import type { LaneRun, Run } from './types.ts';

function lane(gap: number, more: Partial<LaneRun> = {}): LaneRun {
  return {
    longest_gap_ms: gap,
    frozen_ms: 0,
    freezes: 0,
    lost_ms: 0,
    concealed_ms: 0,
    bytes: 1000 * gap,
    verdict: '',
    silence_ms: 0,
    ...more,
  };
}

function run(gap: number, more: Partial<Run> = {}): Run {
  return {
    id: 1,
    time: '2026-11-28T10:00:00Z',
    seat: 1,
    style: 'walk',
    stood_ms: 7,
    quic: lane(gap, { verdict: 'rebound' }),
    tcp: lane(10 * gap, { freezes: 1, frozen_ms: 10 * gap, verdict: 'resumed', silence_ms: 512 }),
    paths: lane(40),
    ...more,
  };
}

describe('quantile', () => {
  it('is one of the values', () => {
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
    expect(quantile([4, 1, 2, 3], 0.5)).toBe(2);
    expect(
      quantile(
        Array.from({ length: 20 }, (_, i) => i + 1),
        0.95,
      ),
    ).toBe(19);
    expect(quantile([7], 0.95)).toBe(7);
    expect(quantile([1, 9], 1)).toBe(9);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('rows', () => {
  it('has every lane with its own numbers', () => {
    const [quic, tcp, paths] = rows([run(100), run(300), run(200, { seat: 2 })]);
    expect(quic).toMatchObject({ lane: 'quic', runs: 3, median: 200, p95: 300, longest: 300, freezes: 0 });
    expect(tcp).toMatchObject({ median: 2000, freezes: 3, frozenRuns: 3, bytes: 2_000_000 });
    expect(paths).toMatchObject({ median: 40, longest: 40, frozenRuns: 0 });
  });

  it('is there without runs', () => {
    expect(rows([])).toHaveLength(3);
    expect(rows([])[0]?.median).toBeNaN();
  });
});

it('tells runs and people apart', () => {
  const runs = [run(1), run(2, { seat: 2, style: 'hard' }), run(3)];
  expect(ofStyle(runs, 'walk')).toHaveLength(2);
  expect(people(runs)).toBe(2);
});

describe('csv', () => {
  it('has a line for each lane of each run', () => {
    const lines = csv([run(100), run(300)]).split('\r\n');
    expect(lines).toHaveLength(1 + 6 + 1);
    expect(lines[0]).toBe(COLUMNS.join(','));
    expect(lines[1]).toBe('2026-11-28T10:00:00Z,1,walk,quic,100,0,0,0,0,100000,rebound,0,7,udp_payload');
    expect(lines[2]).toBe('2026-11-28T10:00:00Z,1,walk,tcp,1000,1,1000,0,0,1000000,resumed,512,7,tcp_stream');
    expect(lines[3]).toContain(',paths,40,');
  });
});
