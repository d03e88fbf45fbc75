// A screen where the browser has none. Headless Firefox has no screen to share and makes none up, so what it shares is a canvas in place of
// getDisplayMedia; all that the page does with the track is real.

import type { Kind } from './browsers.ts';
import type { Person } from './person.ts';

/** Gives a person something to share. To be called before a page is opened. Chromium makes up a screen itself. */
export async function giveScreen(kind: Kind, person: Person, { still = false } = {}): Promise<void> {
  if (kind === 'firefox') await person.page.evaluateOnNewDocument(drawScreens, still);
}

/** Runs in the page. */
function drawScreens(still: boolean): void {
  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 1280;
    canvas.height = 720;
    const context = canvas.getContext('2d');
    if (!context) throw new DOMException('', 'NotFoundError');
    const stream = canvas.captureStream();
    let n = 0;
    const draw = () => {
      context.fillStyle = '#fff';
      context.fillRect(0, 0, 1280, 720);
      context.fillStyle = '#123';
      context.font = '48px sans-serif';
      context.fillText(`A screen, for the ${++n}. time`, 60, 120);
    };
    draw();
    const timer = setInterval(() => {
      if (stream.active && (!still || n < 2)) draw();
      else clearInterval(timer);
    }, 500);
    return stream;
  };
}
