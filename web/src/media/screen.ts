// A screen, window or tab that is shared, with the tab's sound where the browser gives it.

import type { ToWorker } from '../workers/messages.ts';
import { trackProcessor } from './devices.ts';
import { Grabber } from './grabber.ts';

export interface ScreenHandlers {
  post(m: ToWorker, transfer: Transferable[]): void;
  /** The person stopped it, in the page or in the browser's own bar. */
  ended(): void;
}

/** What TypeScript's libraries do not know yet. */
interface DisplayOptions extends DisplayMediaStreamOptions {
  selfBrowserSurface: 'exclude' | 'include';
  surfaceSwitching: 'exclude' | 'include';
  systemAudio: 'exclude' | 'include';
}

const OPTIONS: DisplayOptions = {
  video: { frameRate: { ideal: 15, max: 30 } },
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  selfBrowserSurface: 'exclude',
  surfaceSwitching: 'include',
  systemAudio: 'exclude', // it would bring the others' own voices back to them
};

export class Screen {
  readonly #handlers: ScreenHandlers;
  #stream: MediaStream | null = null;
  #grabber: Grabber | null = null;

  constructor(handlers: ScreenHandlers) {
    this.#handlers = handlers;
  }

  /** Asks the person what to share, from a click, and shares it. Resolves to false if the person chose nothing; rejects with an Error for people. */
  async start(): Promise<boolean> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia(OPTIONS);
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') return false;
      throw new Error('The screen cannot be shared.');
    }
    this.#release();
    this.#stream = stream;
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (!video) {
      this.stop();
      return false;
    }
    video.contentHint = 'text';
    video.onended = () => {
      if (this.#stream === stream) this.stop();
    };
    const { post } = this.#handlers;
    const Processor = trackProcessor();
    if (!Processor) {
      this.#grabber = new Grabber(video, post, 'screen');
      return true;
    }
    const { readable } = new Processor<VideoFrame>({ track: video, maxBufferSize: 2 });
    post({ type: 'screen', readable }, [readable]);
    if (audio) {
      const { readable: source } = new Processor<AudioData>({ track: audio });
      post({ type: 'screen-sound', source }, [source]);
    }
    return true;
  }

  /** What is shared; null: nothing. */
  get stream(): MediaStream | null {
    return this.#stream;
  }

  /** To be called with the worker's ticks. */
  tick(): void {
    this.#grabber?.tick();
  }

  stop(): void {
    if (!this.#stream) return;
    this.#release();
    this.#handlers.post({ type: 'screen-off' }, []);
    this.#handlers.ended();
  }

  #release(): void {
    this.#grabber?.close();
    this.#grabber = null;
    for (const t of this.#stream?.getTracks() ?? []) t.stop();
    this.#stream = null;
  }
}
