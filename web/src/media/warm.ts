// Makes ready what the first picture needs, while the person is still in the lobby: browsers start their decoders, and their way to draw a frame, when they are
// first used.

import { CODEC_STRING } from './codecs.ts';

const SIDE = 16;

export function warmUp(): void {
  try {
    const decoder = new VideoDecoder({ output: (frame) => frame.close(), error: () => undefined });
    decoder.configure({ codec: CODEC_STRING.vp8, optimizeForLatency: true });
    void decoder
      .flush()
      .catch(() => undefined)
      .finally(() => decoder.state !== 'closed' && decoder.close());
    const frame = new VideoFrame(new Uint8Array((SIDE * SIDE * 3) / 2), {
      format: 'I420',
      codedWidth: SIDE,
      codedHeight: SIDE,
      timestamp: 0,
    });
    new OffscreenCanvas(SIDE, SIDE).getContext('2d', { alpha: false })?.drawImage(frame, 0, 0);
    frame.close();
  } catch {
    // what is missing will be missed, and said, in the call
  }
}
