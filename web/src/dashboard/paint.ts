// Draws a timeline's layout on a canvas. Networks differ by colour and by their lane, states by pattern, marks by shape: never by colour alone.

import { networkToken } from '../ui/networks.ts';
import type { Cluster, Frame, Glyph, LaneBox, Layout } from './layout.ts';
import { tickText } from './time.ts';

export type Palette = (token: string) => string;

export interface Look {
  palette: Palette;
  fontFamily: string;
  /** x of the common crosshair; NaN for none. */
  cursor: number;
  selected: Cluster | null;
  laneName(box: LaneBox): { name: string; detail: string };
}

/** The resolved tokens of the element's theme, looked up once each. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  return (name) => {
    let value = known.get(name);
    if (value === undefined) {
      value = style.getPropertyValue(name).trim() || '#888';
      known.set(name, value);
    }
    return value;
  };
}

type Context = CanvasRenderingContext2D;

export function paint(c: Context, l: Layout, f: Frame, look: Look): void {
  const p = look.palette;
  c.clearRect(0, 0, f.width, l.height);
  c.textBaseline = 'middle';
  c.lineJoin = 'round';
  axis(c, l, f, look);
  for (const change of l.switches) {
    c.strokeStyle = p(networkToken(change.network));
    c.globalAlpha = 0.55;
    c.lineWidth = 1.5;
    line(c, change.x, l.axisHeight, change.x, l.height);
    c.globalAlpha = 1;
  }
  c.strokeStyle = p('--accent');
  c.lineWidth = 1.5;
  c.setLineDash([7, 4]);
  for (const x of l.moments) line(c, x, l.axisHeight, x, l.height);
  c.setLineDash([]);
  if (!Number.isNaN(l.nowX)) {
    c.strokeStyle = p('--now');
    c.lineWidth = 2;
    line(c, l.nowX, l.axisHeight - 6, l.nowX, l.height);
  }
  c.save();
  c.beginPath();
  c.rect(f.gutter, 0, f.width - f.gutter, l.height);
  c.clip();
  for (const box of l.lanes) lane(c, box, f, look);
  c.restore();
  for (const box of l.lanes) names(c, box, f, look);
  if (!Number.isNaN(look.cursor)) {
    c.strokeStyle = p('--text-2');
    c.lineWidth = 1;
    c.setLineDash([3, 3]);
    line(c, look.cursor, l.axisHeight, look.cursor, l.height);
    c.setLineDash([]);
  }
}

function line(c: Context, x1: number, y1: number, x2: number, y2: number): void {
  c.beginPath();
  c.moveTo(x1, y1);
  c.lineTo(x2, y2);
  c.stroke();
}

function axis(c: Context, l: Layout, f: Frame, look: Look): void {
  const p = look.palette;
  c.font = `${f.font * 0.92}px ${look.fontFamily}`;
  c.textAlign = 'center';
  c.lineWidth = 1;
  for (const tick of l.axis) {
    c.strokeStyle = p('--chart-grid');
    line(c, Math.round(tick.x) + 0.5, l.axisHeight - 4, Math.round(tick.x) + 0.5, l.height);
    const text = tickText(tick.time, l.step);
    const half = c.measureText(text).width / 2;
    if (tick.x - half < f.gutter || tick.x + half > f.width) continue;
    c.fillStyle = p('--text-2');
    c.fillText(text, tick.x, l.axisHeight / 2);
  }
}

function names(c: Context, box: LaneBox, f: Frame, look: Look): void {
  const p = look.palette;
  c.strokeStyle = p('--line');
  c.lineWidth = 1;
  line(c, 0, Math.round(box.top) + 0.5, f.width, Math.round(box.top) + 0.5);
  const { name, detail } = look.laneName(box);
  const token = box.lane.kind === 'path' && box.lane.network ? networkToken(box.lane.network) : '--text';
  c.textAlign = 'left';
  const inGutter = f.names === 'beside';
  const y = inGutter ? box.top + box.height / 2 - (detail ? f.font * 0.62 : 0) : box.top + f.font;
  c.font = `600 ${f.font}px ${look.fontFamily}`;
  c.fillStyle = p(token);
  c.fillText(name, inGutter ? 10 : 2, y, inGutter ? f.gutter - 14 : f.width * 0.5);
  if (!detail) return;
  const x = inGutter ? 10 : 2 + Math.min(c.measureText(name).width, f.width * 0.5) + 8;
  c.font = `${f.font * 0.86}px ${look.fontFamily}`;
  c.fillStyle = p('--text-2');
  c.fillText(detail, x, inGutter ? y + f.font * 1.25 : y, inGutter ? f.gutter - 14 : f.width - x);
}

function lane(c: Context, box: LaneBox, f: Frame, look: Look): void {
  const p = look.palette;
  for (const bar of box.bars) {
    const colour = bar.network ? p(networkToken(bar.network)) : p('--accent');
    const y = bar.y;
    if (bar.bar.failed) {
      c.fillStyle = hatch(c, p('--path-failed'));
      c.fillRect(bar.x, y, bar.width, bar.height);
      frame(c, bar.x, y, bar.width, bar.height, p('--path-failed'), []);
    } else if (bar.bar.state === 'active') {
      c.fillStyle = colour;
      round(c, bar.x, y, bar.width, bar.height, 5);
      c.fill();
    } else if (bar.bar.state === 'validated') {
      c.globalAlpha = 0.45;
      c.fillStyle = colour;
      c.fillRect(bar.x, y, bar.width, bar.height);
      c.globalAlpha = 1;
      frame(c, bar.x, y, bar.width, bar.height, colour, []);
    } else {
      c.fillStyle = p('--path-probing-soft');
      c.fillRect(bar.x, y, bar.width, bar.height);
      frame(c, bar.x, y, bar.width, bar.height, p('--path-probing'), [5, 4]);
    }
  }
  for (const gap of box.gaps) {
    c.fillStyle = gap.gap.frozen ? p('--danger') : p('--now');
    c.fillRect(gap.x, gap.y, gap.width, gap.height);
    if (!gap.label) continue;
    c.font = `600 ${f.font * 0.92}px ${look.fontFamily}`;
    c.textAlign = 'left';
    c.fillStyle = gap.gap.frozen ? p('--danger-text') : p('--text');
    c.fillText(gap.label, gap.x + gap.width + 4, gap.y + Math.max(gap.height / 2, f.font * 0.3));
  }
  for (const made of box.concealed) {
    c.fillStyle = p('--chart-3');
    c.globalAlpha = 0.35 + 0.65 * Math.min(1, made.ms / 100);
    c.fillRect(made.x, made.y, made.width, made.height);
    c.globalAlpha = 1;
  }
  for (const b of box.brackets) bracket(c, b, f, look);
  for (const cluster of box.clusters) {
    mark(c, cluster, f, look);
    if (!cluster.steps || box.lane.kind !== 'path') continue;
    c.font = `${f.font * 0.9}px ${look.fontFamily}`;
    c.textAlign = 'left';
    c.fillStyle = p('--text-2');
    c.fillText(cluster.steps, cluster.x + 6, box.top + box.height - f.font * 0.75);
  }
}

function bracket(c: Context, b: LaneBox['brackets'][number], f: Frame, look: Look): void {
  const p = look.palette;
  c.strokeStyle = p('--text-2');
  c.lineWidth = 1.2;
  c.beginPath();
  c.moveTo(b.x1 + 1, b.y - 6);
  c.lineTo(b.x1 + 1, b.y);
  c.lineTo(b.x2 - 1, b.y);
  c.lineTo(b.x2 - 1, b.y - 6);
  c.stroke();
  c.font = `650 ${f.font}px ${look.fontFamily}`;
  c.textAlign = 'center';
  const x = (Math.max(b.x1, f.gutter) + Math.min(b.x2, f.width)) / 2;
  const half = c.measureText(b.text).width / 2 + 4;
  c.fillStyle = p('--surface');
  c.fillRect(x - half, b.y - f.font * 0.6, half * 2, f.font * 1.2);
  c.fillStyle = p('--text');
  c.fillText(b.text, x, b.y + 0.5);
}

const colours: Record<Glyph, string> = {
  challenge: '--path-probing',
  response: '--path-validated',
  validated: '--path-validated',
  switched: '--path-active',
  failed: '--path-failed',
  issued: '--accent',
  used: '--path-active',
  retired: '--path-retired',
  started: '--path-active',
  closed: '--path-failed',
  resumed: '--verdict-resumed',
  report: '--text-2',
  mark: '--accent',
};

function mark(c: Context, cluster: Cluster, f: Frame, look: Look): void {
  const p = look.palette;
  const r = f.font * 0.55;
  const { x, y } = cluster;
  if (cluster === look.selected) {
    c.strokeStyle = p('--focus');
    c.lineWidth = 3;
    c.beginPath();
    c.arc(x, y, r + 6, 0, Math.PI * 2);
    c.stroke();
  }
  glyph(c, cluster.glyph, x, y, r, p(colours[cluster.glyph]), p('--surface'));
  if (!cluster.label) return;
  c.font = `${f.font * 0.92}px ${look.fontFamily}`;
  const left = cluster.labelSide === 'left';
  c.textAlign = left ? 'right' : 'left';
  const at = left ? x - r - 5 : x + r + 5;
  // A halo in the ground's colour keeps words readable on bars of any network.
  c.strokeStyle = p('--surface');
  c.lineWidth = 4;
  c.strokeText(cluster.label, at, y);
  c.fillStyle = p('--text');
  c.fillText(cluster.label, at, y);
}

/** Challenge: an open ring; response: a ring that is closed by a dot; validated: a tick in a disc; switched: a triangle; failed: a cross. */
export function glyph(
  c: Context,
  kind: Glyph,
  x: number,
  y: number,
  r: number,
  colour: string,
  ground: string,
): void {
  c.lineWidth = 2.4;
  c.strokeStyle = colour;
  c.fillStyle = ground;
  c.beginPath();
  switch (kind) {
    case 'switched':
    case 'resumed':
    case 'started':
      c.moveTo(x - r * 0.9, y - r * 1.15);
      c.lineTo(x + r * 1.25, y);
      c.lineTo(x - r * 0.9, y + r * 1.15);
      c.closePath();
      c.fillStyle = colour;
      c.strokeStyle = ground;
      c.lineWidth = 1.5;
      c.fill();
      c.stroke();
      return;
    case 'failed':
    case 'closed':
      c.arc(x, y, r * 1.05, 0, Math.PI * 2);
      c.fill();
      c.moveTo(x - r * 0.7, y - r * 0.7);
      c.lineTo(x + r * 0.7, y + r * 0.7);
      c.moveTo(x + r * 0.7, y - r * 0.7);
      c.lineTo(x - r * 0.7, y + r * 0.7);
      c.stroke();
      return;
    case 'validated':
      c.arc(x, y, r * 1.05, 0, Math.PI * 2);
      c.fillStyle = colour;
      c.fill();
      c.beginPath();
      c.strokeStyle = ground;
      c.lineWidth = 2;
      c.moveTo(x - r * 0.5, y + r * 0.05);
      c.lineTo(x - r * 0.1, y + r * 0.45);
      c.lineTo(x + r * 0.55, y - r * 0.4);
      c.stroke();
      return;
    case 'mark': // a flag on the line
      c.moveTo(x, y - r * 1.2);
      c.lineTo(x + r * 1.8, y - r * 0.4);
      c.lineTo(x, y + r * 0.4);
      c.closePath();
      c.fillStyle = colour;
      c.fill();
      c.beginPath();
      c.moveTo(x, y - r * 1.2);
      c.lineTo(x, y + r * 1.4);
      c.stroke();
      return;
    case 'used':
      c.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
      c.fillStyle = colour;
      c.fill();
      return;
    case 'issued':
    case 'retired':
      c.rect(x - r * 0.75, y - r * 0.75, r * 1.5, r * 1.5);
      if (kind === 'retired') {
        c.moveTo(x - r * 0.75, y - r * 0.75);
        c.lineTo(x + r * 0.75, y + r * 0.75);
      }
      c.fill();
      c.stroke();
      return;
    default:
      c.arc(x, y, r, 0, Math.PI * 2);
      c.fill();
      c.stroke();
      if (kind === 'response') {
        c.beginPath();
        c.arc(x, y, r * 0.42, 0, Math.PI * 2);
        c.fillStyle = colour;
        c.fill();
      }
  }
}

function frame(c: Context, x: number, y: number, w: number, h: number, colour: string, dash: number[]): void {
  c.strokeStyle = colour;
  c.lineWidth = 2;
  c.setLineDash(dash);
  c.strokeRect(x + 1, y + 1, Math.max(0, w - 2), h - 2);
  c.setLineDash([]);
}

function round(c: Context, x: number, y: number, w: number, h: number, r: number): void {
  c.beginPath();
  c.roundRect(x, y, w, h, Math.min(r, w / 2));
}

const hatches = new Map<string, CanvasPattern | string>();

/** Diagonal lines: a validation that failed. */
function hatch(c: Context, colour: string): CanvasPattern | string {
  const known = hatches.get(colour);
  if (known) return known;
  const tile = new OffscreenCanvas(8, 8);
  const t = tile.getContext('2d');
  if (!t) return colour;
  t.strokeStyle = colour;
  t.lineWidth = 2;
  t.beginPath();
  t.moveTo(-2, 10);
  t.lineTo(10, -2);
  t.stroke();
  const pattern = c.createPattern(tile, 'repeat') ?? colour;
  hatches.set(colour, pattern);
  return pattern;
}
