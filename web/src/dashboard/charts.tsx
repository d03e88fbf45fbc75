// Round-trip time, rates, frame intervals and loss over the timeline's own axis.

import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { networkToken } from '../ui/networks.ts';
import { theme } from '../ui/theme.ts';
import { points } from './charts-data.ts';
import { gestures, type TimeControl } from './controller.ts';
import { paletteOf } from './paint.ts';
import type { Column } from './series.ts';
import type { Connection } from './store.ts';
import { parseTime, tickText } from './time.ts';
import { range } from './view.ts';

interface Kind {
  key: string;
  title: string;
  unit: string;
  hint: string;
  lines: { column: Column; label: string; token: string }[];
  value(column: Column, value: number): number | null;
  /** The axis reaches at least this far, so that noise is not drawn as mountains. */
  least: number;
}

const kinds: Kind[] = [
  {
    key: 'rtt',
    title: 'Round-trip time',
    unit: 'ms',
    hint: 'Smoothed RTT of the path in use, measured by QUIC (RFC 9002 §5.3). It starts afresh on a new path.',
    lines: [{ column: 'rtt', label: 'RTT', token: '--chart-1' }],
    value: (_, v) => (v > 0 ? v : null),
    least: 20,
  },
  {
    key: 'rate',
    title: 'Rate',
    unit: 'Mbit/s',
    hint: 'All of the connection’s bytes: media, control and QUIC itself.',
    lines: [
      { column: 'send', label: 'to participant', token: '--chart-1' },
      { column: 'recv', label: 'from participant', token: '--chart-2' },
    ],
    value: (_, v) => v / 1e6,
    least: 0.5,
  },
  {
    key: 'frames',
    title: 'Longest frame interval',
    unit: 'ms',
    hint: 'Per sample, the longest interval between rendered video frames: what this participant saw of the others, and what the others saw of this participant.',
    lines: [
      { column: 'frameDown', label: 'sees', token: '--chart-1' },
      { column: 'frameUp', label: 'is seen', token: '--chart-2' },
    ],
    value: (_, v) => (v > 0 ? v : null),
    least: 100,
  },
  {
    key: 'loss',
    title: 'Media packets lost',
    unit: '%',
    hint: 'The share of the media packets of each sample that did not arrive.',
    lines: [
      { column: 'lossDown', label: 'to participant', token: '--chart-1' },
      { column: 'lossUp', label: 'from participant', token: '--chart-2' },
    ],
    value: (_, v) => v * 100,
    least: 2,
  },
];

export interface ChartsProps {
  /** One participant's connections, oldest first. */
  connections: readonly Connection[];
  control: TimeControl;
  gutter: number;
  font: number;
  height: number;
}

export function Charts(props: ChartsProps) {
  return (
    <div class="d-charts">
      {kinds.map((kind) => (
        <Chart key={kind.key} kind={kind} {...props} />
      ))}
    </div>
  );
}

function Chart({ kind, connections, control, gutter, font, height }: ChartsProps & { kind: Kind }) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(connections);
  latest.current = connections;
  const shade = theme.value;

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const palette = paletteOf(element);
    const axisFont = `${Math.round(font * 0.92)}px ${getComputedStyle(element).fontFamily}`;
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { drag: { x: false, y: false, setScale: false }, y: false, points: { size: 7 } },
        padding: [10, 0, 8, 0],
        scales: {
          x: { time: false, auto: false },
          y: { range: (u) => [0, Math.max(kind.least, greatest(u) * 1.1)] },
        },
        axes: [
          { show: false },
          {
            size: gutter,
            gap: 6,
            font: axisFont,
            stroke: palette('--text-2'),
            grid: { stroke: palette('--chart-grid'), width: 1 },
            ticks: { show: false },
            space: 26,
            values: (_, at) => at.map((v) => String(+v.toFixed(2))),
          },
        ],
        series: [
          {},
          ...kind.lines.map((l, i) => ({
            label: l.label,
            stroke: palette(l.token),
            width: 2,
            // The second line is dashed too: colours are not all there is to tell them apart.
            ...(i === 1 && { dash: [7, 4] }),
          })),
        ],
        hooks: {
          draw: [(u) => switches(u, latest.current, palette)],
        },
      },
      [[], ...kind.lines.map(() => [])] as uPlot.AlignedData,
      element,
    );
    const draw = () => {
      const now = control.now();
      const r = range(control.window.peek(), now);
      plot.batch(() => {
        plot.setData(
          points(
            latest.current.map((c) => c.series),
            kind.lines.map((l) => l.column),
            r,
            kind.value,
          ) as uPlot.AlignedData,
          false,
        );
        plot.setScale('x', { min: r.from / 1000, max: r.to / 1000 });
      });
    };
    // Five times a second while it follows the present; at once when somebody moves the window.
    const timer = setInterval(() => {
      if (control.window.peek().end === null && document.visibilityState === 'visible') draw();
    }, 200);
    const undoWindow = effect(() => {
      control.window.value;
      draw();
    });
    const undoCursor = effect(() => {
      const at = control.cursor.value;
      plot.setCursor({ left: Number.isNaN(at) ? -10 : plot.valToPos(at / 1000, 'x'), top: 0 }, false);
    });
    const watch = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height });
    });
    watch.observe(element);
    const undoGestures = gestures(element, control, () => ({ left: gutter, right: element.clientWidth }));
    return () => {
      clearInterval(timer);
      undoWindow();
      undoCursor();
      watch.disconnect();
      undoGestures();
      plot.destroy();
    };
  }, [control, kind, gutter, font, height, shade]);

  const at = control.cursor.value;
  return (
    <section class="d-chart" aria-label={kind.title}>
      <header>
        <h4 data-hint={kind.hint} tabIndex={0}>
          {kind.title} <span class="d-muted">{kind.unit}</span>
        </h4>
        {kind.lines.map((line, i) => (
          <span
            key={line.column}
            class={`d-key${i === 1 ? ' dashed' : ''}`}
            style={{ '--key': `var(${line.token})` }}
          >
            {kind.lines.length > 1 && line.label} <b>{valueAt(connections.at(-1), kind, line.column, at)}</b>
          </span>
        ))}
        {!Number.isNaN(at) && <span class="d-muted d-mono d-chart-time">{tickText(at, 100)}</span>}
      </header>
      <div ref={host} class="d-plot" style={{ height: `${height}px`, touchAction: 'pan-y' }} />
    </section>
  );
}

/** The greatest value that was given, of all lines: also of the samples just outside, towards which the lines lead. */
function greatest(u: uPlot): number {
  let most = 0;
  for (const line of u.data.slice(1))
    for (const value of line) if (value != null && value > most) most = value;
  return most;
}

/** The value under the crosshair, or the newest. */
function valueAt(connection: Connection | undefined, kind: Kind, column: Column, at: number): string {
  if (!connection) return '–';
  const { series } = connection;
  const i = Number.isNaN(at) ? series.length - 1 : series.from(at);
  if (i < 0 || i >= series.length) return '–';
  const value = kind.value(column, series.at(column, i));
  if (value === null) return '–';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A vertical line where the path switched, in the colour of the network that it switched to. */
function switches(u: uPlot, connections: readonly Connection[], palette: (token: string) => string): void {
  const { ctx } = u;
  for (const event of connections.flatMap((c) => c.events)) {
    if (event.type !== 'path_switched' && event.type !== 'session_resumed') continue;
    const x = u.valToPos(parseTime(event.time) / 1000, 'x', true);
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
    ctx.save();
    ctx.strokeStyle = palette(event.network ? networkToken(event.network) : '--accent');
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x, u.bbox.top);
    ctx.lineTo(x, u.bbox.top + u.bbox.height);
    ctx.stroke();
    ctx.restore();
  }
}
