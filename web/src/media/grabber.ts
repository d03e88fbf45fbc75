// Frames of a track through a video element, where the browser has no MediaStreamTrackProcessor, or it gives none. A hidden page gets no frame callbacks: there the
// worker's ticks set the pace.

import type { ToWorker } from '../workers/messages.ts';

type Post = (m: ToWorker, transfer: Transferable[]) => void;

const open = new Set<Grabber>();

export class Grabber {
  readonly #video = document.createElement('video');
  readonly #post: Post;
  readonly #type: 'frame' | 'screen-frame';
  readonly #visibility = () => askForTicks(this.#post);

  constructor(track: MediaStreamTrack, post: Post, source: 'camera' | 'screen') {
    this.#post = post;
    this.#type = source === 'camera' ? 'frame' : 'screen-frame';
    this.#video.muted = true;
    this.#video.playsInline = true;
    this.#video.srcObject = new MediaStream([track]);
    this.#video.play().catch(() => undefined);
    open.add(this);
    this.#next();
    document.addEventListener('visibilitychange', this.#visibility);
    askForTicks(post);
  }

  #next(): void {
    this.#video.requestVideoFrameCallback(() => {
      if (!open.has(this)) return;
      this.#grab();
      this.#next();
    });
  }

  tick(): void {
    if (document.hidden && open.has(this)) this.#grab();
  }

  #grab(): void {
    if (this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    try {
      const frame = new VideoFrame(this.#video, { timestamp: Math.round(performance.now() * 1000) });
      this.#post({ type: this.#type, frame }, [frame]);
    } catch {
      // no picture yet
    }
  }

  close(): void {
    open.delete(this);
    document.removeEventListener('visibilitychange', this.#visibility);
    askForTicks(this.#post);
    this.#video.srcObject = null;
  }
}

function askForTicks(post: Post): void {
  post({ type: 'ticks', of: 'grabber', on: document.hidden && open.size > 0 }, []);
}
