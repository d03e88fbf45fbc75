// Times as the dashboard handles them: milliseconds since the epoch on the server's clock, with a fraction. Go writes nanoseconds, and a
// challenge on loopback is answered in less than a millisecond, so the fraction that Date throws away is kept.

const fraction = /\.(\d+)(?=Z|[+-]\d\d:\d\d$)/;

/** RFC 3339 text to milliseconds since the epoch; NaN if it is none. */
export function parseTime(text: string): number {
  const found = fraction.exec(text);
  if (!found) return Date.parse(text);
  const whole = Date.parse(text.slice(0, found.index) + text.slice(found.index + found[0].length));
  return whole + Number(`0.${found[1]}`) * 1000;
}

const two = (n: number) => String(n).padStart(2, '0');

/** Local time of day with `digits` of the second's fraction (cut, not rounded, as clocks do). */
export function clockText(ms: number, digits = 3): string {
  if (!Number.isFinite(ms)) return '–';
  const date = new Date(Math.floor(ms));
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (digits <= 0) return text;
  const within = ms - Math.floor(ms / 1000) * 1000;
  return `${text}.${String(Math.floor(within * 1000 + 0.5))
    .padStart(6, '0')
    .slice(0, digits)}`;
}

/** A duration with the precision that it deserves: 0.42 ms, 31.4 ms, 182 ms, 1.25 s. */
export function msText(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  const size = Math.abs(ms);
  if (size >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (size >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (size >= 100) return `${Math.round(ms)} ms`;
  if (size >= 10) return `${ms.toFixed(1)} ms`;
  if (size >= 0.005) return `${ms.toFixed(2)} ms`;
  return '0 ms';
}

/** A duration for prose, where fractions of a millisecond are noise. */
export function roundMs(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms >= 10_000) return `${Math.round(ms / 1000)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return ms > 0 && ms < 1 ? 'under 1 ms' : `${Math.round(ms)} ms`;
}

/** How long ago, in the one unit that matters. */
export function agoText(ms: number): string {
  if (!Number.isFinite(ms)) return '';
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

const steps = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000,
  120_000, 300_000,
];

export interface Ticks {
  step: number; // ms
  at: number[];
}

/** Round times within [from, to], at most about `most` of them. */
export function ticks(from: number, to: number, most: number): Ticks {
  const wanted = (to - from) / Math.max(1, most);
  const step = steps.find((s) => s >= wanted) ?? 600_000;
  const at: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) at.push(i * step);
  return { step, at };
}

/** A tick's label: whole seconds where the step is whole seconds. */
export function tickText(ms: number, step: number): string {
  if (step >= 1000) return clockText(ms + 0.01, 0);
  return clockText(ms + 0.0001, step >= 100 ? 1 : step >= 10 ? 2 : step >= 1 ? 3 : 4);
}
