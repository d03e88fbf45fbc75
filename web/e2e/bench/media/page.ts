// What is added to the pages that are measured: a camera whose picture is a time code over something that moves, and a reader of it in the canvas of
// whoever sends it. Both use the time of day, which is one clock for all programs of a machine; browsers tell it to the millisecond.

import type { Page } from 'puppeteer-core';
import { age, COLUMNS, decode, encode, ROWS } from './timecode.ts';

/** A frame that was seen: the time in it, and the time of day when it was. */
export interface Reading {
  code: number;
  at: number;
}

export interface Readings {
  read: Reading[];
  /** Looks at a canvas with a picture in which no time could be read. */
  unread: number;
  /** Samples of the lip sync error, ms; positive is a picture that is late. */
  lipSync: number[];
}

/** What is added to the page's global object. */
interface Bench {
  bench: {
    /** Times at which the camera drew, newest last. */
    drawn: number[];
    track: MediaStreamTrack | null;
    readings: Readings;
    /** When Join was pressed, and when the first picture of anybody was seen; 0 if not yet. */
    clicked: number;
    first: number;
  };
}

export interface Picture {
  width: number;
  height: number;
  fps: number;
  /** What is new in each frame. */
  specks: number;
}

interface Code {
  columns: number;
  rows: number;
}

/** In the page: pictures of every camera are drawn here. The microphone stays the browser's. */
function camera({ width, height, fps, specks, columns }: Picture & Code, toBlocks: typeof encode): void {
  const media = navigator.mediaDevices;
  if (!media) return;
  const { bench } = window as unknown as Bench;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { alpha: false }) as CanvasRenderingContext2D;

  // Leaves in the wind, larger than the picture, that wander; and specks, which no frame before has told of, so that an encoder needs what it is given.
  const ground = document.createElement('canvas');
  ground.width = width * 1.2;
  ground.height = height * 1.2;
  const leaves = ground.getContext('2d', { alpha: false }) as CanvasRenderingContext2D;
  for (let y = 0; y < ground.height; y += 12) {
    for (let x = 0; x < ground.width; x += 12) {
      leaves.fillStyle = `hsl(${Math.random() * 90 + 60} 40% ${Math.random() * 50 + 25}%)`;
      leaves.fillRect(x, y, 12, 12);
    }
  }

  const block = width / columns;
  const draw = () => {
    const time = performance.now() / 1000;
    const x = (Math.sin(time) * 0.5 - 0.5) * width * 0.2;
    const y = (Math.cos(time * 1.3) * 0.5 - 0.5) * height * 0.2;
    context.drawImage(ground, Math.round(x), Math.round(y));
    for (let n = 0; n < specks; n++) {
      context.fillStyle = n % 2 ? '#fff' : '#000';
      context.fillRect(Math.random() * width, Math.random() * height, 6, 6);
    }
    const now = Date.now();
    for (const [i, white] of toBlocks(now).entries()) {
      context.fillStyle = white ? '#fff' : '#000';
      context.fillRect((i % columns) * block, Math.floor(i / columns) * block, block, block);
    }
    bench.drawn.push(now);
    if (bench.drawn.length > 20_000) bench.drawn.splice(0, 10_000);
  };
  let due = 0;
  const frame = (at: number) => {
    requestAnimationFrame(frame);
    if (at < due - 4) return; // an animation frame comes when it comes
    due = Math.max(due + 1000 / fps, at);
    draw();
  };
  requestAnimationFrame(frame);

  const own = media.getUserMedia.bind(media);
  media.getUserMedia = async (constraints) => {
    if (!constraints?.video) return own(constraints);
    const sound = constraints.audio ? (await own({ audio: constraints.audio })).getAudioTracks() : [];
    const track = canvas.captureStream(fps).getVideoTracks()[0] as MediaStreamTrack;
    track.applyConstraints = () => Promise.resolve(); // it is what it is
    bench.track = track;
    return new MediaStream([...sound, track]);
  };
}

/** In the page: looks at the canvases of others once per animation frame. */
function reader({ columns, rows }: Code, fromLuma: typeof decode): void {
  const bench: Bench['bench'] = {
    drawn: [],
    track: null,
    readings: { read: [], unread: 0, lipSync: [] },
    clicked: 0,
    first: 0,
  };
  Object.assign(window, { bench });
  const now = () => performance.timeOrigin + performance.now();
  document.addEventListener(
    'click',
    (e) => {
      if ((e.target as Element).closest('[data-testid="join"]')) bench.clicked = now();
    },
    true,
  );
  const strip = document.createElement('canvas');
  strip.width = columns;
  strip.height = rows;
  const context = strip.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D;
  context.imageSmoothingEnabled = false; // the middle of each block
  let sampled = 0;
  const look = () => {
    requestAnimationFrame(look);
    const canvas = document.querySelector<HTMLCanvasElement>('[data-testid="remote-video"]');
    if (!canvas || canvas.width === 0) return;
    context.clearRect(0, 0, columns, rows);
    context.drawImage(canvas, 0, 0, canvas.width, (canvas.width * rows) / columns, 0, 0, columns, rows);
    const { data } = context.getImageData(0, 0, columns, rows);
    if (data[3] !== 255) return; // nothing was drawn yet
    if (bench.first === 0) bench.first = now();
    const { readings } = bench;
    const code = fromLuma(Array.from({ length: columns * rows }, (_, i) => data[i * 4 + 1] ?? 0));
    if (code === null) readings.unread++;
    else if (readings.read.at(-1)?.code !== code) readings.read.push({ code, at: Date.now() });
    if (readings.read.length > 20_000) readings.read.splice(0, 10_000);
    if (performance.now() - sampled < 333) return; // as often as the page measures it
    sampled = performance.now();
    const error = canvas.dataset.lipSyncMs;
    if (error) readings.lipSync.push(Number(error));
    if (readings.lipSync.length > 20_000) readings.lipSync.splice(0, 10_000);
  };
  requestAnimationFrame(look);
}

const CODE: Code = { columns: COLUMNS, rows: ROWS };

/** Call it before the page is opened: it watches for pictures of others from then on. */
export async function readTimeCodes(page: Page): Promise<void> {
  await page.evaluateOnNewDocument(`(${reader})(${JSON.stringify(CODE)}, ${decode})`);
}

/** Call it before the page is opened: its camera shows the time. */
export async function showTimeCodes(page: Page, picture: Picture): Promise<void> {
  await readTimeCodes(page);
  await page.evaluateOnNewDocument(`(${camera})(${JSON.stringify({ ...CODE, ...picture })}, ${encode})`);
}

/** What was read since the last call, or ever. */
export function takeReadings(page: Page): Promise<Readings> {
  return page.evaluate(() => {
    const { bench } = window as unknown as Bench;
    const { readings } = bench;
    bench.readings = { read: [], unread: 0, lipSync: [] };
    return readings;
  });
}

/** When the camera drew, since `from`. */
export function drawnSince(page: Page, from: number): Promise<number[]> {
  return page.evaluate((since) => (window as unknown as Bench).bench.drawn.filter((t) => t >= since), from);
}

/** When Join was pressed and when the first picture was seen. */
export function joinTimes(page: Page): Promise<{ clicked: number; first: number }> {
  return page.evaluate(() => {
    const { clicked, first } = (window as unknown as Bench).bench;
    return { clicked, first };
  });
}

/** From drawing a frame until the browser hands it to whoever encodes it, ms: the method's own delay. Empty where the browser cannot tell. */
export async function captureDelays(page: Page, count: number): Promise<number[]> {
  const readings = await page.evaluate(
    async (count, columns, rows) => {
      const { track } = (window as unknown as Bench).bench;
      const { MediaStreamTrackProcessor: Processor } = window as unknown as {
        MediaStreamTrackProcessor?: new (init: {
          track: MediaStreamTrack;
        }) => { readable: ReadableStream<VideoFrame> };
      };
      if (!track || !Processor) return [];
      const copy = track.clone();
      const frames = new Processor({ track: copy }).readable.getReader();
      const strip = new OffscreenCanvas(columns, rows);
      const context = strip.getContext('2d', {
        willReadFrequently: true,
      }) as OffscreenCanvasRenderingContext2D;
      context.imageSmoothingEnabled = false;
      const out: { luma: number[]; at: number }[] = [];
      while (out.length < count) {
        const { value: frame } = await frames.read();
        if (!frame) break;
        const at = Date.now();
        const { displayWidth: width } = frame;
        context.drawImage(frame, 0, 0, width, (width * rows) / columns, 0, 0, columns, rows);
        frame.close();
        const { data } = context.getImageData(0, 0, columns, rows);
        out.push({ luma: Array.from({ length: columns * rows }, (_, i) => data[i * 4 + 1] ?? 0), at });
      }
      copy.stop();
      return out;
    },
    count,
    COLUMNS,
    ROWS,
  );
  return readings.flatMap(({ luma, at }) => {
    const code = decode(luma);
    return code === null ? [] : [age(at, code)];
  });
}
