// Which codecs this browser can encode and decode, and under which names WebCodecs knows them.

import type { Codec, Participant } from '../protocol/messages.gen.ts';

const VIDEO: Codec[] = ['vp8', 'vp9', 'av1', 'h264'];

/** WebCodecs' name of a video codec, at a level good for 720p at 30 frames per second. */
export const CODEC_STRING: Record<Exclude<Codec, 'opus'>, string> = {
  vp8: 'vp8',
  vp9: 'vp09.00.31.08',
  av1: 'av01.0.05M.08',
  h264: 'avc1.42e01f', // constrained baseline, level 3.1
};

export type VideoCodec = keyof typeof CODEC_STRING;

export const OPUS: AudioDecoderConfig = { codec: 'opus', sampleRate: 48_000, numberOfChannels: 1 };

let asked: Promise<Codec[]> | null = null;

/** What can be decoded here. It is asked once. */
export function receivable(): Promise<Codec[]> {
  asked ??= ask();
  return asked;
}

async function ask(): Promise<Codec[]> {
  const can = await Promise.all(
    VIDEO.map(async (codec) => {
      try {
        return (
          (await VideoDecoder.isConfigSupported({ codec: CODEC_STRING[codec as VideoCodec] })).supported ===
          true
        );
      } catch {
        return false;
      }
    }),
  );
  const codecs = VIDEO.filter((_, i) => can[i]);
  try {
    if ((await AudioDecoder.isConfigSupported(OPUS)).supported) codecs.push('opus');
  } catch {
    // no audio decoder: a call without sound
  }
  return codecs;
}

/** The codec to send: the preferred one if everybody can decode it, else VP8, which everybody has. */
export function commonCodec(preferred: Codec, others: Pick<Participant, 'receive'>[]): VideoCodec {
  if (preferred === 'opus') return 'vp8';
  return others.every((p) => p.receive.includes(preferred)) ? preferred : 'vp8';
}

export interface EncoderChoice {
  config: VideoEncoderConfig;
  layers: number;
}

/** The best configuration that the browser's encoder takes, with two temporal layers if it can; null if it cannot encode the codec. */
export async function encoderFor(
  codec: VideoCodec,
  size: { width: number; height: number; fps: number; bitrate: number; text: boolean },
): Promise<EncoderChoice | null> {
  const base: VideoEncoderConfig = {
    codec: CODEC_STRING[codec],
    width: size.width,
    height: size.height,
    framerate: size.fps,
    bitrate: size.bitrate,
    latencyMode: 'realtime',
    ...(size.text && { contentHint: 'text' }),
    ...(codec === 'h264' && { avc: { format: 'annexb' as const } }),
  };
  const tries: [string | null, number][] = [
    ['L1T2', 2],
    ['L1T3', 3],
    [null, 1],
  ];
  for (const [scalabilityMode, layers] of tries) {
    const config = scalabilityMode ? { ...base, scalabilityMode } : base;
    try {
      if ((await VideoEncoder.isConfigSupported(config)).supported) return { config, layers };
    } catch {
      // the browser does not know the mode
    }
  }
  return null;
}
