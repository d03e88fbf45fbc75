// Records what is seen and heard of the call to a file of the person who asks for it. Everybody in the call is told, by the engine.

import { effect } from '@preact/signals';
import { toast } from '../../ui/toast.tsx';
import type { CallEngine, Recordable } from '../types.ts';
import { type Drawable, draw } from './drawing.ts';
import { fileName, formatOf, openSink, type Sink } from './file.ts';
import { Mixer } from './mixer.ts';
import { type SceneTile, SIZE, sceneOf } from './scene.ts';

const CHUNK_MS = 1_000;
const VIDEO_BPS = 2_500_000; // bit/s
const AUDIO_BPS = 128_000;
const TOLD_MS = 8_000; // how the file ended is shown longer than other news

/** The key of the tile that is large for the person, null if all are alike. */
type Large = () => string | null;

let current: Recorder | null = null;
let asking = false;

/** Begins to record, after the person has said where to, or ends it. To be called from a click or a key. Tells the person what becomes of it. */
export async function toggleRecording(engine: CallEngine, large: Large): Promise<void> {
  if (current) {
    current.stop();
    return;
  }
  if (asking) return;
  asking = true;
  try {
    await begin(engine, large);
  } catch (error) {
    toast((error as Error).message, 'warning', TOLD_MS);
  } finally {
    asking = false;
  }
}

async function begin(engine: CallEngine, large: Large): Promise<void> {
  const { room, phase } = engine.state.peek();
  if (!inCall(phase)) return;
  const format = formatOf((mime) => MediaRecorder.isTypeSupported(mime));
  if (!format) throw new Error('This browser cannot record.');
  const sink = await openSink(fileName(room, new Date(), format), format);
  const of = engine.recordable();
  if (!sink) return;
  if (!of || !inCall(engine.state.peek().phase)) {
    await sink.close(); // left meanwhile
    return;
  }
  current = new Recorder(engine, of, { large, sink, mime: format.mime });
}

function inCall(phase: string): boolean {
  return phase === 'connected' || phase === 'reconnecting';
}

class Recorder {
  readonly #engine: CallEngine;
  readonly #of: Recordable;
  readonly #large: Large;
  readonly #sink: Sink;
  readonly #context: CanvasRenderingContext2D;
  readonly #camera = watch();
  readonly #screen = watch();
  readonly #mixer: Mixer;
  readonly #recorder: MediaRecorder;
  readonly #ends: (() => void)[] = [];
  #ended = false;

  constructor(engine: CallEngine, of: Recordable, to: { large: Large; sink: Sink; mime: string }) {
    this.#engine = engine;
    this.#of = of;
    this.#large = to.large;
    this.#sink = to.sink;
    const canvas = document.createElement('canvas');
    canvas.width = SIZE.width;
    canvas.height = SIZE.height;
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('This browser cannot record.');
    this.#context = context;
    this.#mixer = new Mixer(of, () =>
      toast('This browser cannot mix your microphone, so your own voice is not in the recording.', 'warning'),
    );
    this.#paint();
    const video = canvas.captureStream();
    this.#recorder = new MediaRecorder(new MediaStream([...video.getVideoTracks(), this.#mixer.track]), {
      mimeType: to.mime,
      videoBitsPerSecond: VIDEO_BPS,
      audioBitsPerSecond: AUDIO_BPS,
    });
    this.#recorder.ondataavailable = ({ data }) => this.#write(data);
    this.#recorder.onerror = () => this.stop();
    this.#recorder.onstop = () => {
      for (const t of video.getTracks()) t.stop();
      void this.#finish();
    };
    engine.tellRecording(true);
    this.#recorder.start(CHUNK_MS);
    const stay = (e: BeforeUnloadEvent) => e.preventDefault(); // the file would be lost
    addEventListener('beforeunload', stay);
    this.#ends.push(
      () => removeEventListener('beforeunload', stay),
      of.onTick(() => this.#paint()),
      effect(() => {
        if (!inCall(engine.state.value.phase)) this.stop(); // before the call lets its sound go
      }),
    );
  }

  #write(data: Blob): void {
    const why = data.size > 0 ? this.#sink.write(data) : null;
    if (why === null || this.#ended) return;
    toast(why, 'warning', TOLD_MS);
    this.stop();
  }

  #paint(): void {
    const state = this.#engine.state.peek();
    this.#camera.show(this.#engine.preview.peek());
    this.#screen.show(this.#of.screen());
    this.#mixer.follow(state.local.mic);
    draw(this.#context, sceneOf(state, this.#large()), (tile) => this.#image(tile));
  }

  #image({ participant, source }: SceneTile): Drawable | null {
    if (participant === null) return (source === 'camera' ? this.#camera : this.#screen).picture();
    const image = this.#of.canvas(participant, source);
    return image && { image, width: image.width, height: image.height };
  }

  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#recorder.state !== 'inactive') this.#recorder.stop(); // what is left comes with its last events
    if (current === this) current = null;
    for (const end of this.#ends) end();
    this.#engine.tellRecording(false);
  }

  async #finish(): Promise<void> {
    this.stop(); // where the browser ended it
    this.#mixer.close();
    this.#camera.show(null);
    this.#screen.show(null);
    try {
      toast(await this.#sink.close(), 'check', TOLD_MS);
    } catch (error) {
      toast((error as Error).message, 'warning', TOLD_MS);
    }
  }
}

/** A stream of this page as something that can be drawn. */
function watch(): { show(stream: MediaStream | null): void; picture(): Drawable | null } {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  return {
    show(stream) {
      if (video.srcObject === stream) return;
      video.srcObject = stream;
      if (stream) void video.play().catch(() => undefined);
    },
    picture() {
      if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
      return { image: video, width: video.videoWidth, height: video.videoHeight };
    },
  };
}
