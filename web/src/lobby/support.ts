// Which of what a call needs this browser lacks, and which video codecs it can encode.

import type { Codec } from '../protocol/messages.gen.ts';

export const BROWSERS_THAT_WORK =
  'current versions of Chrome, Edge and other Chromium browsers, and Firefox from version 153';

/** The parts that are missing, by their names; empty when a call is possible. WebTransport is none of them: there is the WebSocket. `scope` is the page's global object. */
export function missingParts(scope: object): string[] {
  const needed = {
    'WebCodecs video': ['VideoDecoder', 'EncodedVideoChunk'],
    'WebCodecs audio': ['AudioDecoder', 'EncodedAudioChunk'],
    'Web Workers': ['Worker'],
    OffscreenCanvas: ['OffscreenCanvas'],
    AudioWorklet: ['AudioWorkletNode'],
  };
  return Object.entries(needed)
    .filter(([, names]) => names.some((n) => !(n in scope)))
    .map(([part]) => part);
}

export type VideoCodec = Exclude<Codec, 'opus'>;

export const CODEC_TITLES: Record<VideoCodec, string> = {
  vp8: 'VP8',
  vp9: 'VP9',
  av1: 'AV1',
  h264: 'H.264',
};

const PROBES: Record<VideoCodec, string> = {
  vp8: 'vp8',
  vp9: 'vp09.00.31.08',
  av1: 'av01.0.05M.08',
  h264: 'avc1.42E01F',
};

/** The video codecs that this browser says it can encode at 720p, in the order of PROBES. */
export async function encodableCodecs(): Promise<VideoCodec[]> {
  if (typeof VideoEncoder === 'undefined') return [];
  const entries = Object.entries(PROBES) as [VideoCodec, string][];
  const answers = await Promise.all(
    entries.map(async ([, codec]) => {
      try {
        const config = { codec, width: 1280, height: 720, bitrate: 1_500_000, framerate: 30 };
        return (await VideoEncoder.isConfigSupported(config)).supported === true;
      } catch {
        return false; // a codec string it cannot even parse
      }
    }),
  );
  return entries.filter((_, i) => answers[i]).map(([codec]) => codec);
}
