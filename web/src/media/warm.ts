// Makes ready what the first picture needs, while the person is still in the lobby: browsers start their decoders, and their way to draw a frame, when they are
// first used.

import { CODEC_STRING, type VideoCodec } from './codecs.ts';
import { Painter } from './painter.ts';

const SIDE = 16;

interface Spare {
  decoder: VideoDecoder;
  /** Whoever has taken it. */
  user: VideoDecoderInit | null;
}

/** A decoder that has been started, which takes Chromium some 60 ms; most pictures are VP8. */
let spare: Spare | null = null;

export function warmUp(): void {
  try {
    spare = newSpare();
    const frame = new VideoFrame(new Uint8Array((SIDE * SIDE * 3) / 2), {
      format: 'I420',
      codedWidth: SIDE,
      codedHeight: SIDE,
      timestamp: 0,
    });
    const context = new OffscreenCanvas(SIDE, SIDE).getContext('2d', { alpha: false });
    if (context) void new Painter(context).paint(frame).catch(() => undefined);
    else frame.close();
  } catch {
    // what is missing will be missed, and said, in the call
  }
}

function newSpare(): Spare {
  const made: Spare = {
    decoder: new VideoDecoder({
      output: (frame) => (made.user ? made.user.output(frame) : frame.close()),
      error: (error) => made.user?.error(error),
    }),
    user: null,
  };
  configure(made.decoder, 'vp8');
  return made;
}

function configure(decoder: VideoDecoder, codec: VideoCodec): void {
  decoder.configure({ codec: CODEC_STRING[codec], optimizeForLatency: true });
}

/** A decoder that is configured: the one that was started before, if there is one. Throws where there is none for the codec. */
export function newDecoder(codec: VideoCodec, user: VideoDecoderInit): VideoDecoder {
  const ready = spare;
  if (codec === 'vp8' && ready?.decoder.state === 'configured') {
    spare = null;
    ready.user = user;
    return ready.decoder;
  }
  const decoder = new VideoDecoder(user);
  configure(decoder, codec);
  return decoder;
}
