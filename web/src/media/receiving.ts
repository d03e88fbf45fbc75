// A track that is received: what is told of it to the server, and shown to people.

import type { RemoteStats } from '../call/types.ts';
import type { Track } from '../protocol/messages.gen.ts';
import type { TrackReport } from '../protocol/report.ts';
import type { Picture } from '../workers/messages.ts';
import type { AudioReceiver } from './audio-receiver.ts';
import type { Reception } from './jitter.ts';
import type { Opener } from './sealing.ts';
import type { VideoReceiver } from './video-receiver.ts';

const GAP_SPAN = 10_000;

export interface Receiving {
  track: Track;
  video: VideoReceiver | null;
  audio: AudioReceiver | null;
  opener: Opener | null; // of the sound, if it is encrypted
}

export function pictureOf(track: Track): Picture {
  return track.source === 'screen' ? 'screen' : 'camera';
}

const NOTHING: Omit<TrackReport, 'track'> = {
  highestSeq: 0,
  received: 0,
  lost: 0,
  rendered: 0,
  concealedMs: 0,
  gapMs: 0,
  jitter: 0,
  frozenMs: 0,
};

/** An entry for the track, which says what was seen or heard of it, and one for each further encoding that anything has come of. */
export function reportsOf({ track, video, audio }: Receiving, from: number, at: number): TrackReport[] {
  const main: TrackReport = {
    ...NOTHING,
    track: track.id,
    rendered: video?.meter.rendered ?? 0,
    concealedMs: audio?.concealed.total ?? 0,
    gapMs: video?.meter.longestGap(from, at) ?? 0,
    jitter: 10 * ((video ?? audio)?.jitter.value ?? 0),
    frozenMs: video?.meter.frozenMs ?? 0,
  };
  if (audio) return [{ ...main, ...countsOf(audio.reception) }];
  const receptions = [...(video?.receptions() ?? [])];
  return receptions.flatMap(([flow, reception]) => {
    if (flow === track.id) return { ...main, ...countsOf(reception) };
    return reception.received > 0 ? { ...NOTHING, track: flow, ...countsOf(reception) } : [];
  });
}

function countsOf({ highest, received, lost }: Reception) {
  return { highestSeq: highest, received, lost };
}

export function screenStats({ width, height, meter }: VideoReceiver): RemoteStats['screen'] {
  return { width, height, framesRendered: meter.rendered };
}

export function addStats(stats: RemoteStats, { video, audio }: Receiving, at: number): void {
  if (video) {
    stats.width = video.width;
    stats.height = video.height;
    stats.fps = video.meter.fps(at);
    stats.framesRendered += video.meter.rendered;
    stats.shownAt = video.meter.since(at - 1_000);
    stats.longestGapMs = Math.max(stats.longestGapMs, video.meter.longestGap(at - GAP_SPAN, at));
    stats.freezes += video.meter.freezes;
    stats.frozenMs += video.meter.frozenMs;
    stats.framesLost += video.framesLost;
    stats.lipSyncMs = video.lipSync;
  }
  if (audio) {
    stats.concealedMs += audio.concealed.total;
    stats.playoutMs = audio.delayMs;
  }
}
