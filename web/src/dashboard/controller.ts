// What the timeline and the charts share: the window of time, the crosshair, and the gestures that move them.

import { type Signal, signal } from '@preact/signals';
import { follow, liveSpan, pan, pause, range, reveal, show, type Window, zoom } from './view.ts';

/** What the buttons say about following the present, which in a recording is not now. */
export interface TimeWords {
  present: string;
  hold: string;
  follow: string;
}

const live: TimeWords = { present: 'Live', hold: 'Pause (Space)', follow: 'Follow the present (Space or L)' };

export interface TimeControl {
  readonly words: TimeWords;
  readonly window: Signal<Window>;
  /** Time under the pointer, on whichever drawing it is; NaN for none. */
  readonly cursor: Signal<number>;
  now(): number;
  zoom(factor: number, at?: number | null): void;
  pan(ms: number): void;
  togglePause(): void;
  follow(): void;
  show(from: number, to: number): void;
  reveal(at: number): void;
  reset(): void;
}

export function createTimeControl(now: () => number, span = liveSpan, words = live): TimeControl {
  const window = signal<Window>({ end: null, span });
  const set = (next: Window) => {
    window.value = next;
  };
  return {
    words,
    window,
    cursor: signal(Number.NaN),
    now,
    zoom: (factor, at = null) => set(zoom(window.peek(), factor, at, now())),
    pan: (ms) => set(pan(window.peek(), ms, now())),
    togglePause: () => {
      const w = window.peek();
      set(w.end === null ? pause(w, now()) : follow(w));
    },
    follow: () => set(follow(window.peek())),
    show: (from, to) => set(show(from, to)),
    reveal: (at) => set(reveal(window.peek(), at, now())),
    reset: () => set({ end: null, span }),
  };
}

/** Where the time axis lies on an element: from `left` to `right`, in CSS px from its left edge. */
export type Axis = () => { left: number; right: number };

// A wheel turn that began elsewhere is somebody scrolling the page past the drawing, not a wish to zoom.
let wheelElsewhere = 0;

/** Wheel zooms, a drag or a sideways wheel pans, two fingers pinch. Returns the undoing. */
export function gestures(element: HTMLElement, control: TimeControl, axis: Axis): () => void {
  const pointers = new Map<number, number>(); // id → x
  const timeAt = (x: number) => {
    const { left, right } = axis();
    const { from, to } = range(control.window.peek(), control.now());
    return from + ((x - left) / Math.max(1, right - left)) * (to - from);
  };
  const within = (event: MouseEvent) => event.clientX - element.getBoundingClientRect().left;
  const msPerPixel = () => {
    const { left, right } = axis();
    return control.window.peek().span / Math.max(1, right - left);
  };

  const onWheel = (event: WheelEvent) => {
    if (event.timeStamp - wheelElsewhere < 350 && !event.ctrlKey) {
      wheelElsewhere = event.timeStamp;
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const scale = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      control.pan(sideways * scale * msPerPixel());
    } else
      control.zoom(Math.exp(event.deltaY * scale * (event.ctrlKey ? 0.01 : 0.0022)), timeAt(within(event)));
  };
  const onOtherWheel = (event: WheelEvent) => {
    wheelElsewhere = event.timeStamp;
  };
  let dragged = false;
  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, within(event));
    dragged = false;
  };
  const onMove = (event: PointerEvent) => {
    const x = within(event);
    if (event.pointerType === 'mouse') control.cursor.value = x >= axis().left ? timeAt(x) : Number.NaN;
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    if (pointers.size === 1) {
      if (!dragged && Math.abs(x - before) < 4) return;
      if (!dragged) element.setPointerCapture(event.pointerId);
      dragged = true;
      control.pan((before - x) * msPerPixel());
    } else {
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1] ?? x;
      const was = Math.abs(before - other);
      const is = Math.abs(x - other);
      if (was > 8 && is > 8) control.zoom(was / is, timeAt((x + other) / 2));
    }
    pointers.set(event.pointerId, x);
  };
  const onUp = (event: PointerEvent) => {
    pointers.delete(event.pointerId);
  };
  const onLeave = () => {
    control.cursor.value = Number.NaN;
  };

  element.addEventListener('wheel', onWheel, { passive: false });
  window.addEventListener('wheel', onOtherWheel, { passive: true });
  element.addEventListener('pointerdown', onDown);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('pointerup', onUp);
  element.addEventListener('pointercancel', onUp);
  element.addEventListener('pointerleave', onLeave);
  return () => {
    element.removeEventListener('wheel', onWheel);
    window.removeEventListener('wheel', onOtherWheel);
    element.removeEventListener('pointerdown', onDown);
    element.removeEventListener('pointermove', onMove);
    element.removeEventListener('pointerup', onUp);
    element.removeEventListener('pointercancel', onUp);
    element.removeEventListener('pointerleave', onLeave);
  };
}
