// The tokens against WCAG 2.2 AA, read from the stylesheet itself: 4.5 for text, 3 for the edges of controls and for marks.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');

function tokensOf(selector: string): Map<string, string> {
  const start = css.indexOf(selector);
  const body = css.slice(css.indexOf('{', start) + 1, css.indexOf('\n}', start));
  return new Map([...body.matchAll(/(--[\w-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const GROUNDS = ['--bg', '--surface', '--surface-2'];
const COLOURED = [
  '--net-wifi',
  '--net-cellular',
  '--net-ethernet',
  '--net-a',
  '--net-b',
  '--net-c',
  '--verdict-migrated',
  '--verdict-rebound',
  '--verdict-resumed',
  '--verdict-dropped',
  '--path-probing',
  '--path-validated',
  '--path-active',
  '--path-retired',
  '--path-failed',
];

const pairs: [string, string, number][] = [
  ...['--text', '--text-2', '--text-3'].flatMap((t) =>
    GROUNDS.map((g) => [t, g, 4.5] as [string, string, number]),
  ),
  ...['accent', 'now', 'ok', 'danger'].flatMap(
    (c) =>
      [
        [`--on-${c}`, `--${c}`, 4.5],
        [`--${c}-text`, '--surface', 4.5],
        [`--${c}-text`, '--bg', 4.5],
        [`--${c}-text`, `--${c}-soft`, 4.5],
        ['--text', `--${c}-soft`, 4.5],
      ] as [string, string, number][],
  ),
  ['--on-accent', '--accent-hover', 4.5],
  ...COLOURED.flatMap(
    (c) =>
      [
        [c, '--surface', 4.5],
        [c, `${c}-soft`, 4.5],
      ] as [string, string, number][],
  ),
  ['--line-strong', '--surface', 3],
  ['--focus', '--bg', 3],
  ...[1, 2, 3, 4].map((n) => [`--chart-${n}`, '--surface', 3] as [string, string, number]),
];

describe.each([
  ['light', ':root,\n[data-theme="light"]'],
  ['dark', '[data-theme="dark"]'],
])('contrast of the %s theme', (_, selector) => {
  const tokens = tokensOf(selector);
  it.each(pairs)('%s on %s is at least %d', (front, ground, least) => {
    const a = tokens.get(front);
    const b = tokens.get(ground);
    expect(a, `${front} is defined`).toBeDefined();
    expect(b, `${ground} is defined`).toBeDefined();
    expect(contrast(a ?? '', b ?? '')).toBeGreaterThanOrEqual(least);
  });
});
