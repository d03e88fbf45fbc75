// What the page, the call worker and the playout worklet say to each other. The page owns the DOM and the devices; the worker owns the session,
// the codecs and the canvases; the worklet owns playout. Who is sent a VideoFrame, a stream or a port owns it from then on.

import type { CallState, Failure, LinkInfo, Local, Phase, RemoteStats, SwitchStyle } from '../call/types.ts';
import type { Codec, FromParticipant, FromServer } from '../protocol/messages.gen.ts';
import type { TransportName, Via } from '../transport/transport.ts';

/** Which of a participant's pictures. */
export type Picture = 'camera' | 'screen';

export type ToWorker =
  | {
      type: 'join';
      room: string;
      name: string;
      codec: Codec;
      mic: boolean;
      /** Of an encrypted call, else ''. */
      key: string;
      /** The only one to use; null: whichever works. */
      transport: TransportName | null;
      via?: Via | undefined;
    }
  | { type: 'leave' }
  /** Where the browser has a MediaStreamTrackProcessor. */
  | { type: 'camera'; readable: ReadableStream<VideoFrame>; stream: number }
  /** Where it has not, or gives none: the page sends frames. */
  | { type: 'frame'; frame: VideoFrame }
  | { type: 'camera-off' }
  /** A screen that is shared, in the same two ways, and its sound. */
  | { type: 'screen'; readable: ReadableStream<VideoFrame> }
  | { type: 'screen-frame'; frame: VideoFrame }
  | { type: 'screen-sound'; source: ReadableStream<AudioData> }
  | { type: 'screen-off' }
  /** Asks for ticks, see below; they come while somebody wants them. */
  | { type: 'ticks'; of: 'grabber' | 'recorder'; on: boolean }
  | { type: 'microphone'; source: ReadableStream<AudioData> | MessagePort }
  | { type: 'microphone-off' }
  | { type: 'mute'; mic: boolean }
  | { type: 'canvas'; participant: string; source: Picture; canvas: OffscreenCanvas }
  | { type: 'detach'; participant: string; source: Picture }
  /** How tall the picture is shown, in pixels of the screen; 0: nobody can see it. */
  | { type: 'shown'; participant: string; source: Picture; height: number }
  | { type: 'playout'; port: MessagePort }
  /** The sample at `contextTime` (s) of the audio context is heard at `at` (ms since the epoch). */
  | { type: 'clock'; contextTime: number; at: number }
  | { type: 'network'; network: string; style: SwitchStyle }
  /** For the server, as it is; lost without a session. The page says again after a welcome what must not be. */
  | Extract<FromParticipant, { type: 'chat' | 'reaction' | 'hand' | 'recording' }>;

export type FromWorker =
  | { type: 'phase'; phase: Phase; failure: Failure | null }
  | { type: 'server'; message: FromServer }
  /** What carries the call from now on. */
  | { type: 'transport'; transport: TransportName }
  | { type: 'stats'; remotes: Record<string, RemoteStats>; totals: Pick<CallState, 'freezes' | 'frozenMs'> }
  | { type: 'levels'; remotes: Record<string, number>; local: number; unheard: number }
  | { type: 'local'; local: Partial<Local> }
  /** No frames come of this stream of the camera. */
  | { type: 'camera-stuck'; stream: number }
  /** `problem`: why there is none, for people. */
  | { type: 'link'; link: LinkInfo | null; problem?: string | undefined }
  /** About 15 times a second while asked for: a hidden page's own timers hardly run, a worker's do. */
  | { type: 'tick' }
  | { type: 'notice'; text: string };

export type ToPlayout =
  /** `start` is the media time in samples at 48 kHz. */
  | { type: 'pcm'; track: number; start: number; pcm: Float32Array }
  | { type: 'muted'; track: number; muted: boolean }
  | { type: 'remove'; track: number };

export interface FromPlayout {
  contextTime: number;
  voices: {
    track: number;
    position: number;
    delayMs: number;
    targetMs: number;
    concealed: number;
    level: number;
  }[];
}
