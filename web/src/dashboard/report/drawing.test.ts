import { describe, expect, test } from 'vitest';
import { event, handover, iso, origin, report } from '../fixture.ts';
import { drawingOf, stepsOf } from './drawing.ts';

const title = (network: string) => network;

describe('the steps of a change', () => {
  test('are those of the path that it led to', () => {
    const events = [
      event('path_challenge_sent', 900, { path: 7, remote: 'elsewhere' }),
      ...handover(1000),
      event('handover_report', 2600),
      ...handover(9000),
    ];
    expect(stepsOf(report(), events).map((e) => e.type)).toEqual([
      'path_challenge_sent',
      'path_response_received',
      'path_validated',
      'path_switched',
    ]);
  });

  test('have a validation that failed on the way', () => {
    const events = [event('path_validation_failed', 1010, { path: 3 }), ...handover(1000)];
    expect(stepsOf(report(), events).map((e) => e.type)).toContain('path_validation_failed');
  });
});

describe('the drawing', () => {
  test('of a rebinding has both paths, the new one probed before it is used', () => {
    const d = drawingOf(report(), handover(1000), title);
    expect(d.origin).toBe(origin + 1000);
    expect(d.ways.map((w) => [w.label, ...w.bars.map((b) => b.part)])).toEqual([
      ['wifi', 'active'],
      ['cellular', 'probing', 'active'],
    ]);
    expect(d.from).toBeLessThan(d.origin);
    for (const step of d.steps) {
      expect(step.at).toBeGreaterThanOrEqual(d.from);
      expect(step.at).toBeLessThanOrEqual(d.to);
    }
  });

  test('of a resumption has the phases one after the other', () => {
    const r = report({
      verdict: 'resumed',
      started: iso(1000),
      switched: iso(1400),
      phases: { silence_ms: 300, handshake_ms: 100, first_frame_ms: 60 },
    });
    const d = drawingOf(r, [event('session_resumed', 1400, { previous: 'c0' })], title);
    const bars = d.ways.flatMap((w) => w.bars);
    expect(bars.map((b) => b.part)).toEqual(['active', 'silence', 'handshake', 'waiting', 'active']);
    for (const [i, bar] of bars.entries()) expect(bar.from).toBe(i === 0 ? d.from : bars[i - 1]?.to);
    expect(d.steps.map((s) => s.type)).toEqual(['session_resumed']);
  });

  test('of a drop has only what was lost', () => {
    const r = report({ verdict: 'dropped', started: iso(0), switched: iso(30_000) });
    expect(drawingOf(r, [], title).ways.flatMap((w) => w.bars.map((b) => b.part))).toEqual([
      'active',
      'silence',
    ]);
  });
});
