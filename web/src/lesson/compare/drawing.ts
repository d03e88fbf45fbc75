// The distribution of everybody's runs as a picture: on the page, and as a file with the table and what is emulated.

import { formatBytes, formatMs, formatSeconds } from '../../ui/format.ts';
import { laneRuns, people, type Row, rows } from './statistics.ts';
import { LANES, type LabNetwork, type LaneName, type Run, type RunStyle } from './types.ts';
import { networkWords, SHORT } from './words.ts';

export const LANE_TOKENS: Record<LaneName, string> = {
  quic: '--chart-1',
  tcp: '--chart-2',
  paths: '--chart-3',
};
const TICKS = [20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000];
const LOW = 20;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The value of a colour token where `element` is. */
export function colours(element: Element): (token: string) => string {
  const style = getComputedStyle(element);
  return (token) => style.getPropertyValue(token).trim();
}

/** Draws a point for each run at its longest gap, a row for each lane; the tall line is the median. The axis is logarithmic. */
export function drawGaps(
  context: CanvasRenderingContext2D,
  runs: readonly Run[],
  { box, font, colour }: { box: Box; font: number; colour: (token: string) => string },
): void {
  const table = rows(runs);
  const most = Math.max(1_000, ...table.map((r) => r.longest || 0));
  const high = TICKS.find((t) => t >= most) ?? most;
  const left = box.x + 6 * font;
  const right = box.x + box.width - 1.5 * font;
  const bottom = box.y + box.height - 2 * font;
  const x = (ms: number) =>
    left + ((right - left) * Math.log(Math.max(LOW, ms) / LOW)) / Math.log(high / LOW);
  context.font = `${font}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  context.textAlign = 'center';
  const some = TICKS.filter((t, i) => t <= high && (box.width > 40 * font || i % 3 === 2));
  for (const t of some) {
    context.fillStyle = colour('--chart-grid');
    context.fillRect(Math.round(x(t)), box.y, 1, bottom - box.y);
    context.fillStyle = colour('--text-2');
    context.fillText(t < 1000 ? `${t} ms` : `${t / 1000} s`, x(t), bottom + font);
  }
  const height = (bottom - box.y) / LANES.length;
  table.forEach((row, i) => {
    const middle = box.y + (i + 0.5) * height;
    context.fillStyle = colour('--text');
    context.textAlign = 'left';
    context.fillText(SHORT[row.lane], box.x, middle);
    context.fillStyle = colour(LANE_TOKENS[row.lane]);
    context.globalAlpha = 0.65;
    laneRuns(runs, row.lane).forEach((r, n) => {
      const spread = (((n * 0.618034) % 1) - 0.5) * 0.6 * height; // so that equal ones lie beside each other
      context.beginPath();
      context.arc(x(r.longest_gap_ms), middle + spread, 0.32 * font, 0, 2 * Math.PI);
      context.fill();
    });
    context.globalAlpha = 1;
    if (row.runs > 0) context.fillRect(x(row.median) - 1.5, middle - 0.42 * height, 3, 0.84 * height);
  });
}

export interface Sheet {
  runs: Run[];
  style: RunStyle;
  networks: LabNetwork[];
  at: Date;
}

const WIDTH = 1600;
const HEIGHT = 1000;

/** The sheet: what was measured, by whom, over what, and when. */
export function drawSheet(
  { runs, style, networks, at }: Sheet,
  colour: (token: string) => string,
): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser cannot draw the picture.');
  const text = (words: string, x: number, y: number, size: number, token = '--text', weight = 400) => {
    context.font = `${weight} ${size}px system-ui, sans-serif`;
    context.fillStyle = colour(token);
    context.textAlign = 'left';
    context.textBaseline = 'alphabetic';
    context.fillText(words, x, y, WIDTH - x - 60);
  };
  context.fillStyle = colour('--surface');
  context.fillRect(0, 0, WIDTH, HEIGHT);
  text(
    style === 'walk' ? 'Walking out of Wi-Fi, three ways' : 'Wi-Fi cut off, three ways',
    60,
    90,
    48,
    '--text',
    680,
  );
  const count = `${runs.length} ${runs.length === 1 ? 'run' : 'runs'} of ${people(runs)} ${people(runs) === 1 ? 'page' : 'pages'}`;
  text(`${count} · ${at.toLocaleString()} · measured by Roamcall`, 60, 136, 26, '--text-2');
  const columns = [
    '',
    'runs',
    'median',
    'p95',
    'longest',
    'runs with a freeze',
    'lost, median',
    'bytes, median',
  ];
  const at0 = [60, 280, 380, 530, 680, 830, 1120, 1330];
  columns.forEach((c, i) => {
    text(c, at0[i] as number, 210, 24, '--text-2', 580);
  });
  rows(runs).forEach((row, n) => {
    cells(row).forEach((c, i) => {
      text(
        c,
        at0[i] as number,
        262 + 48 * n,
        30,
        i === 0 ? LANE_TOKENS[row.lane] : '--text',
        i === 0 ? 640 : 400,
      );
    });
  });
  text(
    'Longest gap between two frames, a point for each run; the line is the median',
    60,
    450,
    24,
    '--text-2',
  );
  drawGaps(context, runs, { box: { x: 60, y: 470, width: WIDTH - 120, height: 380 }, font: 24, colour });
  text(`Emulated networks. ${networks.map(networkWords).join(' · ')}`, 60, 890, 22, '--text-2');
  text(
    'QUIC, TCP and what the calls do are real; on TCP a loss is emulated as the time that its repetition takes.',
    60,
    918,
    22,
    '--text-2',
  );
  text(
    'Two paths: every packet on both, by the application, which is not Multipath QUIC.',
    60,
    946,
    22,
    '--text-2',
  );
  text(
    'Bytes: of QUIC the payload of UDP, with acknowledgements and repetitions; of TCP the stream, without them.',
    60,
    974,
    22,
    '--text-2',
  );
  return canvas;
}

/** A row of the table in words. */
export function cells(row: Row): string[] {
  return [
    SHORT[row.lane],
    String(row.runs),
    formatMs(row.median),
    formatMs(row.p95),
    formatMs(row.longest),
    row.runs > 0 ? `${row.frozenRuns} of ${row.runs}` : '–',
    formatSeconds(row.lostMs),
    formatBytes(row.bytes),
  ];
}
