// The camera on the page: opens it and hands its frames to the worker.

import type { ToWorker } from '../workers/messages.ts';
import { blurred, offersBlur, setBlur } from './blur.ts';
import { openDevice, trackProcessor } from './devices.ts';
import { Grabber } from './grabber.ts';

/** Streams of frames are stuck here, until the page is loaded again. */
let stuck = false;

export interface CameraHandlers {
  post(m: ToWorker, transfer: Transferable[]): void;
  /** The stream for the self view changed. */
  preview(stream: MediaStream | null): void;
  /** The device went away. */
  lost(): void;
}

export class Camera {
  readonly #handlers: CameraHandlers;
  #track: MediaStreamTrack | null = null;
  #grabber: Grabber | null = null;
  #blur = false;
  #stream = 0; // of frames, the newest
  #ask = 0; // counts what was asked for; a camera that opens late must not win

  constructor(handlers: CameraHandlers) {
    this.#handlers = handlers;
  }

  get on(): boolean {
    return this.#track !== null;
  }

  /** Device of the open camera, '' if there is none. */
  get id(): string {
    return this.#track?.getSettings().deviceId ?? '';
  }

  get offersBlur(): boolean {
    return this.#track !== null && offersBlur(this.#track);
  }

  /** Blurs the background from now on, or no more, also of cameras that are opened later. Rejects if the open one does not. */
  async setBlur(on: boolean): Promise<void> {
    this.#blur = on;
    if (this.#track && offersBlur(this.#track)) await setBlur(this.#track, on);
  }

  /** Opens a camera and sends it instead of the one before. Rejects with an Error for people. */
  async open(id: string): Promise<void> {
    const ask = ++this.#ask;
    const track = await openDevice('camera', id, this.#blur);
    if (ask === this.#ask) this.use(track);
    else track.stop(); // something else was asked for meanwhile
  }

  /** Sends an open track, which this owns from now on. */
  use(track: MediaStreamTrack): void {
    this.#ask++;
    this.#release();
    this.#track = track;
    track.onended = () => {
      if (this.#track !== track) return;
      this.stop();
      this.#handlers.lost();
    };
    track.applyConstraints(blurred(this.#blur)).catch(() => undefined); // the camera does what it can
    this.#send(track);
    this.#handlers.preview(new MediaStream([track]));
  }

  #send(track: MediaStreamTrack): void {
    const Processor = stuck ? null : trackProcessor();
    const stream = ++this.#stream;
    if (Processor) {
      const { readable } = new Processor<VideoFrame>({ track, maxBufferSize: 2 });
      this.#handlers.post({ type: 'camera', readable, stream }, [readable]);
    } else this.#grabber = new Grabber(track, this.#handlers.post, 'camera');
  }

  /** Frames do not come through the stream that the worker was given: takes them from a video element. */
  stuck(stream: number): void {
    const track = this.#track;
    if (!track || stream !== this.#stream) return;
    if (!track.muted) {
      stuck = true;
      this.#send(track);
      return;
    }
    // The system lets it give none.
    const again = () => {
      if (this.#track === track && stream === this.#stream) this.#send(track);
    };
    track.addEventListener('unmute', again, { once: true });
  }

  /** Closes the camera: its light goes out. */
  stop(): void {
    this.#ask++;
    if (!this.#track) return;
    this.#release();
    this.#handlers.preview(null);
    this.#handlers.post({ type: 'camera-off' }, []);
  }

  /** To be called with the worker's ticks. */
  tick(): void {
    this.#grabber?.tick();
  }

  #release(): void {
    this.#grabber?.close();
    this.#grabber = null;
    this.#track?.stop();
    this.#track = null;
  }
}
