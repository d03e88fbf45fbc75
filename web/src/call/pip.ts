// Somebody's picture in a small window that stays above others (Picture-in-Picture), where the browser lets a page open one: Chromium, and Firefox
// from version 153 at the latest.

import { signal } from '@preact/signals';

let shown: { video: HTMLVideoElement; canvas: HTMLCanvasElement } | null = null;

/** The canvas that is shown in the window, and how tall the window is, in px of CSS; null while there is none. */
export const floating = signal<{ canvas: HTMLCanvasElement; height: number } | null>(null);

export function canFloat(): boolean {
  return document.pictureInPictureEnabled === true;
}

/** Shows a canvas in the window, instead of what was there; closes the window if it was this one. To be called from a click. Rejects if the browser refuses. */
export async function float(canvas: HTMLCanvasElement): Promise<void> {
  const before = shown;
  if (before && document.pictureInPictureElement === before.video) {
    await document.exitPictureInPicture();
    if (before.canvas === canvas) return;
  }
  const video = document.createElement('video');
  video.muted = true; // the sound is the worklet's
  const stream = canvas.captureStream();
  video.srcObject = stream;
  const stop = () => {
    for (const t of stream.getTracks()) t.stop();
    if (shown?.video !== video) return;
    shown = null;
    floating.value = null;
  };
  video.addEventListener('leavepictureinpicture', stop);
  try {
    await video.play();
    const pip = await video.requestPictureInPicture();
    shown = { video, canvas };
    const resized = () => {
      if (shown?.video === video) floating.value = { canvas, height: pip.height };
    };
    pip.onresize = resized;
    resized();
  } catch (error) {
    stop();
    throw error;
  }
}
