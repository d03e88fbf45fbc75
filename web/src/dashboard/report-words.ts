// A handover report in plain words. The server's numbers come in, sentences go out; nothing is concluded that the numbers do not say.

import type { HandoverDirection, HandoverReport } from '../protocol/messages.gen.ts';
import { roundMs } from './time.ts';

/** From when on an interval between frames counts as a freeze (webrtc-stats): max(3δ, δ + 150 ms), δ the mean interval. */
export function freezeAt(frameMs: number): number {
  return Math.max(3 * frameMs, frameMs + 150);
}

export type Tone = 'good' | 'fair' | 'bad' | 'unknown';

export interface Summary {
  tone: Tone;
  headline: string;
  detail: string;
}

const audible = 60; // ms of concealed audio that a listener may notice; concealment covers a packet or two without being heard

function measuredDirections(report: HandoverReport): HandoverDirection[] {
  return [report.down, report.up].filter((d) => d.measured);
}

export function summary(report: HandoverReport): Summary {
  const measured = measuredDirections(report);
  if (report.verdict === 'dropped') {
    return { tone: 'bad', headline: 'The call was lost', detail: 'The participant has to join again.' };
  }
  if (measured.length === 0) {
    return {
      tone: 'unknown',
      headline: 'The connection moved',
      detail:
        'Nobody received media in either direction, so there is nothing to say about pictures or sound.',
    };
  }
  // The direction that came nearest to its own freeze threshold is the one to speak of.
  const withVideo = measured.filter((d) => d.longest_gap_ms > 0);
  const worst = withVideo.toSorted(
    (a, b) => b.longest_gap_ms / freezeAt(b.frame_ms) - a.longest_gap_ms / freezeAt(a.frame_ms),
  )[0];
  const concealed = Math.max(...measured.map((d) => d.concealed_ms));
  const gap = worst
    ? `longest gap ${roundMs(worst.longest_gap_ms)}, a freeze starts at ${roundMs(freezeAt(worst.frame_ms))}`
    : 'no video was received';
  const sound = concealed > 0 ? `${roundMs(concealed)} of audio concealed` : 'no audio concealed';
  const detail = `${gap[0]?.toUpperCase()}${gap.slice(1)}; ${sound}.`;
  if (measured.some((d) => d.frozen)) {
    const frozen = [
      report.down.frozen && 'the participant who moved',
      report.up.frozen && 'the others',
    ].filter(Boolean);
    return { tone: 'bad', headline: `The picture froze for ${frozen.join(' and for ')}`, detail };
  }
  if (concealed > audible)
    return { tone: 'fair', headline: 'No freeze, but the sound may have been noticed', detail };
  // Of those who did not answer nothing is known.
  const headline = report.missing?.length ? 'Nobody who answered noticed' : 'Nobody noticed';
  return { tone: 'good', headline, detail };
}

/** One direction on one line, beside a bar that shows the gap itself. */
export function directionWords(direction: HandoverDirection): string {
  if (!direction.measured) return 'Nobody received media in this direction.';
  const parts: string[] = [];
  if (direction.longest_gap_ms > 0) {
    parts.push(direction.frozen ? 'Frozen' : 'Not frozen');
    const most = direction.usual_gap_ms > 0 ? `, at most ${roundMs(direction.usual_gap_ms)},` : '';
    parts.push(
      `before the change ${roundMs(direction.frame_ms)}${most} between ${direction.at_arrival ? 'arriving' : 'shown'} frames`,
    );
  } else parts.push('No video');
  // Where frames are only counted as they arrive, nobody plays the sound either.
  if (!direction.at_arrival) parts.push(`${roundMs(direction.concealed_ms)} of audio concealed`);
  parts.push(`${direction.frames_lost} ${direction.frames_lost === 1 ? 'frame' : 'frames'} lost`);
  return `${parts.join(', ')}.`;
}
