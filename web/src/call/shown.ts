// Tells the engine how tall somebody's picture is shown, so that no more of it is sent than can be seen.

import { signal, useComputed, useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Picture } from '../workers/messages.ts';
import { type Box, pictureHeight } from './picture-height.ts';
import { floating } from './pip.ts';
import type { CallEngine } from './types.ts';

const AWAY_MS = 5_000; // who looks into another tab for a moment finds everybody moving
const ASPECT = 16 / 9; // until the first frame is there

/** The page has been hidden for a while. Only a page that was seen can become hidden: one in the background may be on a screen all the same. */
const away = signal(false);
/** What fills the screen; null: nothing. */
const full = signal<Element | null>(null);

let leaving: ReturnType<typeof setTimeout> | undefined;
document.addEventListener('visibilitychange', () => {
  clearTimeout(leaving);
  if (document.visibilityState === 'visible') away.value = false;
  else leaving = setTimeout(() => (away.value = true), AWAY_MS);
});
document.addEventListener('fullscreenchange', () => {
  full.value = document.fullscreenElement;
});

export interface ShownPicture {
  id: string;
  source: Picture;
  /** Pixels of the video; zeros before there is a frame. */
  width: number;
  height: number;
  /** It is fitted into its canvas, else it covers it. */
  whole: boolean;
}

export function useShown(
  engine: CallEngine,
  canvas: RefObject<HTMLCanvasElement | null>,
  { id, source, width, height, whole }: ShownPicture,
): void {
  const box = useSignal<Box | null>(null);
  const inView = useSignal(true);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const size = new ResizeObserver(([entry]) => {
      if (entry) box.value = { width: entry.contentRect.width, height: entry.contentRect.height };
    });
    const view = new IntersectionObserver((entries) => {
      inView.value = entries.at(-1)?.isIntersecting ?? false;
    });
    size.observe(element);
    view.observe(element);
    return () => {
      size.disconnect();
      view.disconnect();
      engine.shown(id, source, 0);
    };
  }, [engine, canvas, id, source, box, inView]);

  const aspect = width > 0 && height > 0 ? width / height : ASPECT;
  const seen = useComputed(() => {
    const covered = full.value !== null && canvas.current !== null && !full.value.contains(canvas.current);
    return inView.value && !away.value && !covered;
  });
  const apart = useComputed(() => (floating.value?.canvas === canvas.current ? floating.value : null));
  // What is recorded goes on, also where nobody looks.
  const recorded = useComputed(() => engine.state.value.local.recordingSince > 0);
  const here = box.value && (seen.value || recorded.value) ? pictureHeight(box.value, aspect, whole) : 0;
  const pixels = Math.round(Math.max(here, apart.value?.height ?? 0) * devicePixelRatio);
  const known = box.value !== null;
  useEffect(() => {
    if (known) engine.shown(id, source, pixels);
  }, [engine, id, source, pixels, known]);
}
