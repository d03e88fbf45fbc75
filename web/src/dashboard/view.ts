// The window of time that the timeline and the charts show together. Pure: a window and an intention in, a window out.

export interface Window {
  /** Right edge, ms on the server's clock; null follows the present. */
  readonly end: number | null;
  readonly span: number; // ms
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export const liveSpan = 30_000;
export const minSpan = 5; // a validation on loopback takes less than a millisecond; the marks are then told apart by their times
export const maxSpan = 600_000;

/** Room to the right of the present, so that a mark is not born on the edge. */
const margin = 0.015;

export function range(window: Window, now: number): Range {
  const to = window.end ?? now + window.span * margin;
  return { from: to - window.span, to };
}

const clamp = (span: number) => Math.min(maxSpan, Math.max(minSpan, span));

/**
 * Scales the span by `factor` about the time `at`, which stays where it is on the screen. A window that follows the present goes on following
 * if the zoom is about its right end, or when it is about nothing in particular (at = null).
 */
export function zoom(window: Window, factor: number, at: number | null, now: number): Window {
  const span = clamp(window.span * factor);
  const { from, to } = range(window, now);
  if (window.end === null && (at === null || at > to - window.span * 0.15)) return { end: null, span };
  const centre = at ?? (from + to) / 2;
  const share = (centre - from) / (to - from);
  return settle({ end: centre + (1 - share) * span, span }, now);
}

/** Moves by `ms` (positive: later). Moving past the present follows it again. */
export function pan(window: Window, ms: number, now: number): Window {
  return settle({ end: range(window, now).to + ms, span: window.span }, now);
}

function settle(window: Window, now: number): Window {
  return window.end !== null && window.end >= now + window.span * margin
    ? { end: null, span: window.span }
    : window;
}

/** Shows [from, to] with some room around it. */
export function show(from: number, to: number): Window {
  const span = clamp((to - from) * 1.5);
  return { end: (from + to) / 2 + span / 2, span };
}

/** Brings a time into the window, changing nothing if it is there. */
export function reveal(window: Window, at: number, now: number): Window {
  const { from, to } = range(window, now);
  if (at >= from && at <= to) return window;
  return { end: at + window.span / 2, span: window.span };
}

export function pause(window: Window, now: number): Window {
  return window.end === null ? { end: range(window, now).to, span: window.span } : window;
}

export function follow(window: Window): Window {
  return { end: null, span: window.span };
}
