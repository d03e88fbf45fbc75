// A handover as a drawing with a row for each way and each step. Pure: the report and the connection's events in, times and words out.

import type { HandoverReport, PathEventData } from '../../protocol/messages.gen.ts';
import { explain } from '../explain.ts';
import { msText, parseTime } from '../time.ts';

export type Part = 'active' | 'probing' | 'silence' | 'handshake' | 'waiting';

export interface Bar {
  from: number; // ms
  to: number;
  part: Part;
  words: string; // '' where the bar is too short or says itself what it is
}

export interface Way {
  label: string;
  detail: string;
  bars: Bar[];
}

export interface Step {
  at: number; // ms
  title: string;
  type: string;
}

export interface Drawing {
  from: number;
  to: number;
  /** What times are counted from: the first packet from the new address, or the beginning of the silence. */
  origin: number;
  ways: Way[];
  steps: Step[];
}

const mostSteps = 8;

/** The steps of the change that the report closes: of its path, and the resumption. */
export function stepsOf(report: HandoverReport, events: readonly PathEventData[]): PathEventData[] {
  const [started, switched] = [parseTime(report.started), parseTime(report.switched)];
  const told = events.filter((e) => {
    const at = parseTime(e.time);
    if (at > switched + 1) return false;
    // A standby may have been probed long before it was needed: the challenge that was answered belongs to the story.
    if (
      e.type === 'path_challenge_sent' ||
      e.type === 'path_response_received' ||
      e.type === 'path_validated'
    )
      return e.path === report.to.path && report.verdict !== 'resumed' && at > started - 30_000;
    if (e.type === 'path_validation_failed') return at >= started;
    return (e.type === 'path_switched' || e.type === 'session_resumed') && Math.abs(at - switched) < 1;
  });
  return told.slice(-mostSteps);
}

export function drawingOf(
  report: HandoverReport,
  events: readonly PathEventData[],
  title: (network: string) => string,
): Drawing {
  const [started, switched] = [parseTime(report.started), parseTime(report.switched)];
  const steps = stepsOf(report, events)
    .map((e) => ({ at: parseTime(e.time), title: explain(e).title, type: e.type }))
    // Long before, off the paper: the text says it.
    .filter((s) => s.at >= started - Math.max(50, switched - started));
  const phases = report.phases;
  const end = phases ? switched + Math.max(0, phases.first_frame_ms) : switched;
  const took = Math.max(4, end - started);
  const [from, to] = [started - took * 0.25, end + took * 0.35];
  const way = (at: HandoverReport['from'], bars: Bar[]): Way => ({
    label: at.network ? title(at.network) : 'Path',
    detail: at.remote,
    bars,
  });
  if (report.verdict === 'dropped') {
    return {
      from,
      to,
      origin: started,
      ways: [
        way(report.from, [
          { from, to: started, part: 'active', words: '' },
          { from: started, to: switched, part: 'silence', words: `waited ${msText(switched - started)}` },
        ]),
      ],
      steps,
    };
  }
  if (phases) {
    const opened = started + phases.silence_ms;
    return {
      from,
      to,
      origin: started,
      ways: [
        way(report.from, [
          { from, to: started, part: 'active', words: 'heard' },
          { from: started, to: opened, part: 'silence', words: `silence ${msText(phases.silence_ms)}` },
        ]),
        way(report.to, [
          {
            from: opened,
            to: switched,
            part: 'handshake',
            words: `handshake ${msText(phases.handshake_ms)}`,
          },
          ...(phases.first_frame_ms > 0
            ? [
                {
                  from: switched,
                  to: end,
                  part: 'waiting' as const,
                  words: `first frame ${msText(phases.first_frame_ms)}`,
                },
              ]
            : []),
          { from: end, to, part: 'active', words: '' },
        ]),
      ],
      steps,
    };
  }
  return {
    from,
    to,
    origin: started,
    ways: [
      way(report.from, [{ from, to: switched, part: 'active', words: 'the server sends here' }]),
      way(report.to, [
        { from: started, to: switched, part: 'probing', words: 'validated' },
        { from: switched, to, part: 'active', words: 'and here' },
      ]),
    ],
    steps,
  };
}
