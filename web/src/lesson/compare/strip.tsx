// The last seconds of a lane: a line for each frame that was shown, at the time at which it was; where there is none, there was none.

import { useEffect, useRef } from 'preact/hooks';
import { now } from '../../media/clock.ts';
import type { Lane } from './lane.ts';
import { ASSUMED_MS, GAP_FRAMES, usualInterval } from './measure.ts';

export const STRIP_MS = 15_000;
const DRAW_MS = 100;
/** Frames are told of every 333 ms: up to then nobody knows that there was none. */
const UNTOLD_MS = 450;

export function Strip({ lane, switchedAt, label }: { lane: Lane; switchedAt: () => number; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const draw = () => canvas.current && paint(canvas.current, lane, switchedAt());
    draw();
    const timer = setInterval(draw, DRAW_MS);
    return () => clearInterval(timer);
  }, [lane, switchedAt]);
  return <canvas ref={canvas} class="lane-strip" role="img" aria-label={label} />;
}

function paint(canvas: HTMLCanvasElement, lane: Lane, switchedAt: number): void {
  const { clientWidth, clientHeight } = canvas;
  const width = Math.round(clientWidth * devicePixelRatio);
  const height = Math.round(clientHeight * devicePixelRatio);
  if (width === 0) return;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) return;
  const style = getComputedStyle(canvas);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  const to = now() - UNTOLD_MS;
  const from = to - STRIP_MS;
  const x = (t: number) => ((t - from) / STRIP_MS) * width;
  context.clearRect(0, 0, width, height);
  const times = lane.times.filter((t) => t > from - 5_000 && t <= to);
  const usual = usualInterval(lane.times, Math.min(to, switchedAt || to)) || ASSUMED_MS;
  context.fillStyle = colour('--danger-soft');
  let last = times[0] ?? from;
  const edge = colour('--danger');
  for (const t of [...times, to]) {
    if (t - last > GAP_FRAMES * usual) {
      const left = Math.max(0, x(last));
      context.fillStyle = colour('--danger-soft');
      context.fillRect(left, 0, x(t) - left, height);
      context.fillStyle = edge;
      context.fillRect(left, height - 4 * devicePixelRatio, x(t) - left, 4 * devicePixelRatio);
    }
    last = t;
  }
  context.fillStyle = colour('--ok');
  const line = Math.max(1, Math.round(devicePixelRatio));
  for (const t of times) if (t >= from) context.fillRect(Math.round(x(t)), 0.2 * height, line, 0.6 * height);
  if (switchedAt > from) {
    context.fillStyle = colour('--now');
    context.fillRect(Math.round(x(switchedAt)) - line, 0, 3 * line, height);
  }
}
