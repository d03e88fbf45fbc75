// Background blur by the camera or its system (Media Capture and Streams Extensions). No picture leaves the browser's own capture without it.

import { VIDEO_CONSTRAINTS } from './constraints.ts';

/** What is asked of a camera, blurred or as it comes. */
export function blurred(on: boolean): MediaTrackConstraints {
  return on ? { ...VIDEO_CONSTRAINTS, backgroundBlur: true } : VIDEO_CONSTRAINTS;
}

/** Whether a camera can blur the background, and can leave that off. */
export function offersBlur(track: Pick<MediaStreamTrack, 'getCapabilities'>): boolean {
  const { backgroundBlur = [] } = (track.getCapabilities?.() ?? {}) as { backgroundBlur?: boolean[] };
  return backgroundBlur.includes(true) && backgroundBlur.includes(false);
}

/** Blurs the background of an open camera, or no more. Rejects if the camera does not. */
export async function setBlur(
  track: Pick<MediaStreamTrack, 'applyConstraints' | 'getSettings'>,
  on: boolean,
): Promise<void> {
  await track.applyConstraints({ ...VIDEO_CONSTRAINTS, backgroundBlur: on });
  const { backgroundBlur = false } = track.getSettings() as { backgroundBlur?: boolean };
  if (backgroundBlur !== on) throw new Error('The camera does not change its background blur.');
}
