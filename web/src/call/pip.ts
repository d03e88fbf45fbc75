// Somebody's picture in a small window that stays above others (Picture-in-Picture). Chromium only: Firefox has its own button for videos, and
// lets no page open one.

let shown: HTMLVideoElement | null = null;

export function canFloat(): boolean {
  return document.pictureInPictureEnabled === true;
}

/** Shows a canvas in the window, instead of what was there; closes the window if it was this one. To be called from a click. Rejects if the browser refuses. */
export async function float(canvas: HTMLCanvasElement): Promise<void> {
  const before = shown;
  if (before && document.pictureInPictureElement === before) {
    await document.exitPictureInPicture();
    if (before.dataset.canvas === canvas.dataset.participant) return;
  }
  const video = document.createElement('video');
  video.muted = true; // the sound is the worklet's
  video.dataset.canvas = canvas.dataset.participant ?? '';
  const stream = canvas.captureStream();
  video.srcObject = stream;
  video.addEventListener('leavepictureinpicture', () => {
    for (const t of stream.getTracks()) t.stop();
    if (shown === video) shown = null;
  });
  await video.play();
  await video.requestPictureInPicture();
  shown = video;
}
