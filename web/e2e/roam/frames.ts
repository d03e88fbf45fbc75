// When frames are drawn, from the page's worker itself and not from what the page says of it: every frame that is drawn onto a canvas of the
// call is noted with the time of day, which is one clock for all programs of a machine.

import type { Page, WebWorker } from 'puppeteer-core';
import type { Kind } from '../harness/browsers.ts';
import { pause } from '../harness/wait.ts';

/** How many times are kept in the page; at 30 frames a second, a few minutes of several participants. */
const KEEP = 20_000;

/** What the page asks its worker. */
interface Question {
  participant: string;
  from: number;
}

/** What is added to the worker's global object. */
interface Noted {
  roamFrames: { participant: string; at: number }[];
}

/** Notes what is drawn. Goes into the page's worker as source text, so it can use nothing from outside. */
function note(keep: number): void {
  const noted = self as unknown as Noted;
  if (noted.roamFrames || typeof OffscreenCanvasRenderingContext2D === 'undefined') return;
  noted.roamFrames = [];
  const channel = new BroadcastChannel('roam-frames');
  channel.onmessage = (e: MessageEvent<Question>) => {
    const { participant, from } = e.data;
    channel.postMessage(
      noted.roamFrames.filter((f) => f.participant === participant && f.at >= from).map((f) => f.at),
    );
  };
  const whose = new WeakMap<OffscreenCanvas, string>();
  self.addEventListener('message', (e: MessageEvent<{ participant?: string; canvas?: unknown } | null>) => {
    if (e.data?.canvas instanceof OffscreenCanvas) whose.set(e.data.canvas, e.data.participant ?? '');
  });
  const { prototype } = OffscreenCanvasRenderingContext2D;
  for (const way of ['drawImage', 'putImageData'] as const) {
    const draw = prototype[way] as (...args: unknown[]) => void;
    prototype[way] = function (this: OffscreenCanvasRenderingContext2D, ...args: unknown[]) {
      const participant = whose.get(this.canvas);
      if (participant !== undefined) {
        noted.roamFrames.push({ participant, at: Date.now() });
        if (noted.roamFrames.length > keep) noted.roamFrames.splice(0, keep / 2);
      }
      draw.apply(this, args);
    };
  }
}

/**
 * Follows the frames of a page, in Chromium: Firefox runs nothing in workers for WebDriver. Begin before the call is joined: canvases are
 * recognized as they come to the worker.
 */
export async function followFrames(kind: Kind, page: Page): Promise<Frames | null> {
  if (kind !== 'chromium') return null;
  await page.evaluateOnNewDocument(holdCanvases);
  page.on('workercreated', (worker) => void noteIn(page, worker));
  return new Frames(page);
}

/** A worker that is asked to run something while it starts sometimes never answers, nor does its page. */
const STARTED_MS = 500;

/** In the page: canvases wait on their way to the worker until `release` is called, so that none gets there before it is watched. */
function holdCanvases(): void {
  const send = Worker.prototype.postMessage as (this: Worker, ...args: unknown[]) => void;
  const held: (() => void)[] = [];
  let holding = true;
  Worker.prototype.postMessage = function (this: Worker, ...args: unknown[]) {
    const [message] = args as [{ type?: string } | null];
    if (holding && message?.type === 'canvas') held.push(() => send.apply(this, args));
    else send.apply(this, args);
  };
  Object.assign(window, {
    roamRelease() {
      holding = false;
      for (const f of held.splice(0)) f();
    },
  });
}

async function noteIn(page: Page, worker: WebWorker): Promise<void> {
  await pause(STARTED_MS);
  try {
    await worker.evaluate(note, KEEP);
    await page.evaluate(() => (window as unknown as { roamRelease(): void }).roamRelease());
  } catch {
    // the page was closed
  }
}

export class Frames {
  constructor(readonly page: Page) {}

  /** When frames of a participant were drawn since `from`, ms since the epoch. */
  async times(participant: string, from: number): Promise<number[]> {
    return this.page.evaluate(
      (question: Question) =>
        new Promise<number[]>((resolve) => {
          const channel = new BroadcastChannel('roam-frames');
          const done = (times: number[]) => {
            clearTimeout(late);
            channel.close();
            resolve(times);
          };
          const late = setTimeout(done, 5_000, []); // there is no worker
          channel.onmessage = (e: MessageEvent<number[]>) => done(e.data);
          channel.postMessage(question);
        }),
      { participant, from },
    );
  }
}

/** The longest interval between two of the times that overlaps [from, to], the one that is still running at `to` included. Infinity without any. */
export function longestGap(times: number[], from: number, to: number): number {
  let longest = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (const at of times) {
    if (at > to) break;
    if (at > from) longest = Math.max(longest, at - last);
    last = at;
  }
  return Math.max(longest, to - last);
}
