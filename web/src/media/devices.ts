// Cameras and microphones as the page opens them; errors become sentences for people.

import { blurred } from './blur.ts';
import { audioConstraints } from './constraints.ts';

/** Opens a device: `id` if it is there, else the default one; `processed`: noise suppressed, or background blurred. Rejects with an Error whose message is for people. */
export async function openDevice(
  kind: 'camera' | 'microphone',
  id: string,
  processed: boolean,
): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices)
    throw new Error('Cameras and microphones work only on a secure (https or localhost) page.');
  const wanted = kind === 'camera' ? blurred(processed) : audioConstraints(processed);
  const open = (constraints: MediaTrackConstraints) =>
    navigator.mediaDevices.getUserMedia(kind === 'camera' ? { video: constraints } : { audio: constraints });
  try {
    // Exactly the chosen one: as an ideal it would give way to a camera that comes nearer to the resolution.
    const stream = await (id === ''
      ? open(wanted)
      : open({ ...wanted, deviceId: { exact: id } }).catch((error: unknown) => {
          if (
            error instanceof DOMException &&
            ['OverconstrainedError', 'NotFoundError'].includes(error.name)
          ) {
            return open(wanted);
          }
          throw error;
        }));
    const track = stream.getTracks()[0];
    if (!track) throw new DOMException('', 'NotFoundError');
    return track;
  } catch (error) {
    throw new Error(deviceMessage(kind, error instanceof DOMException ? error.name : ''));
  }
}

/** What went wrong with a device, in words. */
export function deviceMessage(kind: 'camera' | 'microphone', name: string): string {
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return `The browser does not allow this page to use the ${kind}. You can change that beside the address of the page.`;
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `No ${kind} was found.`;
    case 'NotReadableError':
    case 'AbortError':
      return `The ${kind} cannot be opened. Perhaps another program uses it.`;
    default:
      return `The ${kind} cannot be opened.`;
  }
}

export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/** Not yet in TypeScript's libraries; in browsers, Chromium's only. */
export interface TrackProcessor<T> {
  readonly readable: ReadableStream<T>;
}

type TrackProcessorConstructor = new <T>(init: {
  track: MediaStreamTrack;
  maxBufferSize?: number;
}) => TrackProcessor<T>;

/** MediaStreamTrackProcessor where the browser has it. */
export function trackProcessor(): TrackProcessorConstructor | null {
  const scope = globalThis as unknown as { MediaStreamTrackProcessor?: TrackProcessorConstructor };
  return scope.MediaStreamTrackProcessor ?? null;
}
