// From lanes to rectangles, glyphs and labels in pixels. Pure, so that what the timeline draws can be tested without a canvas.

import type { Bar, Gap, Lane, Mark, MediaLane, PathLane } from './lanes.ts';
import { msText, ticks } from './time.ts';
import type { Range } from './view.ts';

export interface Frame {
  width: number; // of the canvas, px
  gutter: number; // left of the time axis
  names: 'beside' | 'above'; // where the lanes' names stand: in the gutter, or above each lane
  font: number; // px
  range: Range;
  now: number;
}

export type Glyph =
  | 'challenge'
  | 'response'
  | 'validated'
  | 'switched'
  | 'failed'
  | 'issued'
  | 'used'
  | 'retired'
  | 'started'
  | 'closed'
  | 'resumed'
  | 'report'
  | 'mark';

/** Marks that stand closer together than they can be told apart. */
export interface Cluster {
  x: number;
  y: number;
  glyph: Glyph; // of the most telling of them
  marks: Mark[];
  label: string; // '' where there is no room
  /** The steps within the cluster with the time between them, for whoever has zoomed in as far as marks can be told apart. */
  steps: string;
  labelSide: 'right' | 'left';
}

/** The time between two marks of one validation, printed between them. */
export interface Bracket {
  x1: number;
  x2: number;
  y: number;
  text: string;
}

export interface BarBox {
  x: number;
  y: number;
  width: number;
  height: number;
  bar: Bar;
  network: string;
}

export interface GapBox {
  x: number;
  y: number;
  width: number;
  height: number;
  gap: Gap;
  label: string;
}

export interface LaneBox {
  lane: Lane;
  top: number;
  height: number;
  bars: BarBox[];
  clusters: Cluster[];
  brackets: Bracket[];
  gaps: GapBox[];
  concealed: { x: number; y: number; width: number; height: number; ms: number }[];
}

export interface Layout {
  height: number;
  axis: { x: number; time: number }[];
  step: number;
  axisHeight: number;
  lanes: LaneBox[];
  nowX: number; // NaN if the present is not in view
  switches: { x: number; network: string }[]; // across all lanes
  moments: number[]; // x of what somebody marked, across all lanes
}

const order: Glyph[] = [
  'mark',
  'failed',
  'switched',
  'resumed',
  'closed',
  'started',
  'validated',
  'response',
  'challenge',
  'retired',
  'used',
  'issued',
  'report',
];

const glyphs: Record<string, Glyph> = {
  path_challenge_sent: 'challenge',
  path_response_received: 'response',
  path_validated: 'validated',
  path_validation_failed: 'failed',
  path_switched: 'switched',
  connection_id_issued: 'issued',
  connection_id_in_use: 'used',
  connection_id_retired: 'retired',
  connection_started: 'started',
  connection_closed: 'closed',
  session_resumed: 'resumed',
  handover_report: 'report',
  moment_marked: 'mark',
};

export function glyphOf(type: string): Glyph {
  return glyphs[type] ?? 'report';
}

export function timeToX(time: number, f: Frame): number {
  return f.gutter + ((time - f.range.from) / (f.range.to - f.range.from)) * (f.width - f.gutter);
}

export function xToTime(x: number, f: Frame): number {
  return f.range.from + ((x - f.gutter) / (f.width - f.gutter)) * (f.range.to - f.range.from);
}

/** Marks nearer than this, in px, are one cluster. */
const apart = 11;

export function layout(lanes: readonly Lane[], f: Frame): Layout {
  const unit = f.font;
  const axisHeight = Math.round(unit * 2);
  const name = f.names === 'above' ? Math.round(unit * 1.6) : 0;
  let top = axisHeight;
  const boxes: LaneBox[] = [];
  for (const lane of lanes) {
    const body = lane.kind === 'path' ? unit * 3.7 : lane.kind === 'media' ? unit * 2.9 : unit * 2.8;
    const height = Math.round(body + name);
    boxes.push(place(lane, top, height, name, f));
    top += height;
  }
  const t = ticks(f.range.from, f.range.to, (f.width - f.gutter) / (unit * 8));
  const nowX = timeToX(f.now, f);
  return {
    height: top + 4,
    axis: t.at.map((time) => ({ time, x: timeToX(time, f) })),
    step: t.step,
    axisHeight,
    lanes: boxes,
    nowX: nowX >= f.gutter && nowX <= f.width ? nowX : Number.NaN,
    switches: lanes.flatMap((lane) =>
      lane.kind === 'path'
        ? lane.marks
            .filter((m) => m.event.type === 'path_switched' && inRange(m.time, f))
            .map((m) => ({ x: timeToX(m.time, f), network: lane.network }))
        : [],
    ),
    moments: boxes.flatMap((box) => (box.lane.kind === 'moments' ? box.clusters.map((c) => c.x) : [])),
  };
}

function inRange(time: number, f: Frame): boolean {
  return time >= f.range.from && time <= f.range.to;
}

function place(lane: Lane, top: number, height: number, name: number, f: Frame): LaneBox {
  const box: LaneBox = { lane, top, height, bars: [], clusters: [], brackets: [], gaps: [], concealed: [] };
  const room = height - name;
  if (lane.kind === 'media') {
    placeMedia(box, lane, top + name, room, f);
    return box;
  }
  const y = lane.kind === 'path' ? top + name + room * 0.34 : top + name + room / 2;
  if (lane.kind === 'path') placeBars(box, lane, y, f);
  box.clusters = clusters(lane.marks, y, f);
  label(box.clusters, f);
  if (lane.kind === 'path') box.brackets = brackets(box.clusters, top + height - f.font * 0.75, f);
  return box;
}

function placeBars(box: LaneBox, lane: PathLane, y: number, f: Frame): void {
  const height = Math.round(f.font * 1.5);
  for (const bar of lane.bars) {
    const to = bar.to ?? f.now;
    if (to < f.range.from || bar.from > f.range.to) continue;
    const x1 = Math.max(f.gutter, timeToX(bar.from, f));
    const x2 = Math.min(f.width, timeToX(to, f));
    // A validation that takes less than a pixel is still seen.
    const width = Math.max(bar.state === 'active' ? 1 : 2, x2 - x1);
    box.bars.push({ x: x1, y: y - height / 2, width, height, bar, network: lane.network });
  }
}

function clusters(marks: readonly Mark[], y: number, f: Frame): Cluster[] {
  const found: Cluster[] = [];
  for (const mark of marks) {
    if (!inRange(mark.time, f)) continue;
    const x = timeToX(mark.time, f);
    const last = found.at(-1);
    if (last && x - last.x < apart) {
      last.marks.push(mark);
      continue;
    }
    found.push({ x, y, glyph: 'report', marks: [mark], label: '', steps: '', labelSide: 'right' });
  }
  for (const cluster of found) {
    const kinds = cluster.marks.map((m) => glyphOf(m.event.type));
    cluster.glyph = order.find((g) => kinds.includes(g)) ?? 'report';
  }
  return found;
}

const short: Record<Glyph, string> = {
  challenge: 'challenge',
  response: 'response',
  validated: 'validated',
  switched: 'switched',
  failed: 'failed',
  issued: 'issued',
  used: 'in use',
  retired: 'retired',
  started: 'started',
  closed: 'closed',
  resumed: 'resumed',
  report: '',
  mark: '',
};

/** A rough width: the painter's font is proportional, and labels that nearly touch are worse than ones that are missing. */
export function textWidth(text: string, font: number): number {
  return text.length * font * 0.56;
}

function label(found: Cluster[], f: Frame): void {
  let free = f.gutter; // up to here something is written
  for (let i = 0; i < found.length; i++) {
    const cluster = found[i] as Cluster;
    const next = found[i + 1]?.x ?? f.width;
    let end = cluster.x;
    for (const words of labelsOf(cluster)) {
      const width = textWidth(words, f.font) + 14;
      const right = next - cluster.x > width + 8;
      if (!right && (next < f.width || cluster.x - free < width + 8)) continue;
      cluster.label = words;
      cluster.labelSide = right ? 'right' : 'left';
      if (right) end = cluster.x + width;
      break;
    }
    free = end;
    const steps = stepsOf(cluster);
    if (f.range.to - f.range.from < 2000 && next - cluster.x > textWidth(steps, f.font * 0.9) + 12)
      cluster.steps = steps;
  }
}

/** "validated +0.02 ms, switched +0.38 ms": what a cluster hides. */
function stepsOf(cluster: Cluster): string {
  return cluster.marks
    .slice(1)
    .map((m, i) => {
      const later = m.time - (cluster.marks[i] as Mark).time;
      return `${short[glyphOf(m.event.type)]} ${later < 0.005 ? 'at once' : `+${msText(later)}`}`;
    })
    .join(', ');
}

/** What could be written beside a cluster, the fullest first. */
function labelsOf(cluster: Cluster): string[] {
  const kinds = [...new Set(cluster.marks.map((m) => glyphOf(m.event.type)))].filter((k) => k !== 'report');
  const first = cluster.marks[0]?.event;
  if (!first || kinds.length === 0) return [];
  if (first.type === 'moment_marked') return momentLabels(cluster.marks);
  const steps = kinds.map((k) => short[k]).join(' · ');
  if (first.type.startsWith('connection_id')) {
    if (cluster.marks.length > 1) return [`${cluster.marks.length} IDs`];
    return [
      `${first.connection_id?.issuer ?? ''} ${first.connection_id?.sequence ?? ''} ${short[cluster.glyph]}`.trim(),
    ];
  }
  const verdict = cluster.marks.find((m) => m.event.type === 'path_switched')?.event.verdict;
  if (!verdict) return [steps, short[cluster.glyph]];
  // Far out, when the whole validation is one mark, the verdict says it all; near by, the steps do.
  return kinds.length >= 4 ? [verdict] : [`${steps}: ${verdict}`, verdict];
}

/** What was marked last of several, as much of it as there is room for. */
function momentLabels(marks: readonly Mark[]): string[] {
  const text = marks.at(-1)?.event.text ?? '';
  const cuts = [48, 32, 20, 12].filter((n) => n < text.length);
  return [text, ...cuts.map((n) => `${text.slice(0, n).trimEnd()}…`)];
}

function brackets(found: readonly Cluster[], y: number, f: Frame): Bracket[] {
  const made: Bracket[] = [];
  for (let i = 1; i < found.length; i++) {
    const a = found[i - 1] as Cluster;
    const b = found[i] as Cluster;
    const from = a.marks.at(-1) as Mark;
    const to = b.marks[0] as Mark;
    // Only the steps of one validation belong together; a new challenge begins the next.
    if (
      to.event.type === 'path_challenge_sent' ||
      from.event.type === 'path_switched' ||
      from.event.type === 'path_validation_failed'
    )
      continue;
    const text = msText(to.time - from.time);
    if (b.x - a.x < textWidth(text, f.font) + 10) continue;
    made.push({ x1: a.x, x2: b.x, y, text });
  }
  return made;
}

function placeMedia(box: LaneBox, lane: MediaLane, top: number, room: number, f: Frame): void {
  const strip = Math.max(4, f.font * 0.45); // concealed audio, below
  const tall = room - strip - 8;
  lane.gaps.forEach((gap, i) => {
    const x1 = Math.max(f.gutter, timeToX(gap.from, f));
    const x2 = Math.min(f.width, timeToX(gap.to, f));
    if (x2 <= f.gutter || x1 >= f.width) return;
    // Height grows with the logarithm: 50 ms is low, a second is full.
    const share = Math.min(1, Math.max(0.25, Math.log10(gap.ms / 20) / Math.log10(50)));
    const height = tall * share;
    const text = msText(gap.ms).replace(/\.\d+ ms/, ' ms');
    const width = Math.max(3, x2 - x1);
    // Only where nothing follows that the words would lie on.
    const after = lane.gaps[i + 1];
    const free = after ? Math.min(f.width, timeToX(after.from, f)) : f.width;
    const fits = x1 + width + textWidth(text, f.font) + 8 < free;
    box.gaps.push({ x: x1, y: top + 3 + tall - height, width, height, gap, label: fits ? text : '' });
  });
  for (const made of lane.concealed) {
    const x1 = Math.max(f.gutter, timeToX(made.from, f));
    const x2 = Math.min(f.width, timeToX(made.to, f));
    if (x2 <= f.gutter || x1 >= f.width) continue;
    box.concealed.push({
      x: x1,
      y: top + room - strip - 2,
      width: Math.max(2, x2 - x1),
      height: strip,
      ms: made.ms,
    });
  }
}

/** What is at a point: the nearest cluster of the lane there, else a gap. */
export function hit(
  l: Layout,
  x: number,
  y: number,
): { cluster: Cluster } | { gap: GapBox; lane: MediaLane } | null {
  const box = l.lanes.find((b) => y >= b.top && y < b.top + b.height);
  if (!box) return null;
  let best: Cluster | null = null;
  for (const cluster of box.clusters) {
    if (Math.abs(cluster.x - x) < Math.abs((best?.x ?? Number.POSITIVE_INFINITY) - x)) best = cluster;
  }
  if (best && Math.abs(best.x - x) <= 14) return { cluster: best };
  const gap = box.gaps.find((g) => x >= g.x - 4 && x <= g.x + g.width + 4);
  return gap && box.lane.kind === 'media' ? { gap, lane: box.lane } : null;
}
