// Puts decoded frames onto a canvas, in the way that costs this machine least. It owns the frames it is given and closes them.
//
// With a graphics processor drawImage is next to nothing. Without one (virtual machines, remote desktops, old laptops) Chromium converts the picture slowly and
// into new memory each time, about 5 ms at 640x360 where a conversion into memory of our own takes 1 ms; Firefox is the other way round. So the first frames
// try both, unless the first way is quick: there Chromium's first drawImage takes 70 ms, which the first picture would come later.

const TRIALS = 6; // of each way, after one that warms up
const CLEARLY = 0.7; // of the other's time
const QUICK_MS = 2; // to copy a frame; nothing better is looked for ...
const LARGER = 2; // ... until frames have so many times as many pixels

type Way = 'draw' | 'copy';

export class Painter {
  readonly #context: OffscreenCanvasRenderingContext2D;
  #took: Record<Way, number[]> = { draw: [], copy: [] };
  #triedWith = 0; // pixels
  #way: Way | null = null; // null: still trying
  #pixels: ImageData | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(context: OffscreenCanvasRenderingContext2D) {
    this.#context = context;
  }

  /** Shows a frame, after those before it. Rejects if that is not possible. */
  paint(frame: VideoFrame): Promise<void> {
    const painted = this.#last.then(() => this.#paint(frame)).finally(() => frame.close());
    this.#last = painted.catch(() => undefined);
    return painted;
  }

  async #paint(frame: VideoFrame): Promise<void> {
    const { displayWidth: width, displayHeight: height } = frame;
    const { canvas } = this.#context;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    if (width * height >= LARGER * this.#triedWith) this.#tryWith(width * height);
    const way = this.#way ?? this.#next(frame);
    const began = performance.now();
    if (way === 'draw' || !this.#copyable(frame)) this.#context.drawImage(frame, 0, 0, width, height);
    else await this.#copy(frame);
    if (!this.#way && this.#took[way].length <= TRIALS) this.#note(way, performance.now() - began);
  }

  /** Pixels are converted by the processor in any case only if they are in its memory; a rotated or scaled frame is drawn. */
  #copyable(frame: VideoFrame): boolean {
    const { format, displayWidth, displayHeight, visibleRect } = frame;
    return format === 'I420' && visibleRect?.width === displayWidth && visibleRect.height === displayHeight;
  }

  #tryWith(pixels: number): void {
    this.#triedWith = pixels;
    this.#took = { draw: [], copy: [] };
    this.#way = null;
  }

  #next(frame: VideoFrame): Way {
    return this.#took.copy.length <= TRIALS && this.#copyable(frame) ? 'copy' : 'draw';
  }

  async #copy(frame: VideoFrame): Promise<void> {
    const { displayWidth: width, displayHeight: height } = frame;
    if (this.#pixels?.width !== width || this.#pixels.height !== height)
      this.#pixels = new ImageData(width, height);
    try {
      await frame.copyTo(this.#pixels.data, { format: 'RGBA', colorSpace: 'srgb' });
      this.#context.putImageData(this.#pixels, 0, 0);
    } catch {
      this.#way = 'draw'; // this browser does not convert
      this.#context.drawImage(frame, 0, 0, width, height);
    }
  }

  #note(way: Way, ms: number): void {
    const { draw, copy } = this.#took;
    this.#took[way].push(ms);
    if (copy.length <= TRIALS) return;
    if (median(copy) < QUICK_MS) this.#way = 'copy';
    else if (draw.length > TRIALS) this.#way = median(copy) < CLEARLY * median(draw) ? 'copy' : 'draw';
  }
}

/** Of all but the first. */
function median(ms: number[]): number {
  const sorted = ms.slice(1).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
