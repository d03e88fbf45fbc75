// The swim lanes: a canvas, because a few thousand marks move with the present, and beside it words for what the pointer or the keys select.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { PathEventData } from '../protocol/messages.gen.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { theme } from '../ui/theme.ts';
import { announce } from '../ui/toast.tsx';
import { gestures, type TimeControl } from './controller.ts';
import { explain } from './explain.ts';
import { type Lane, lanes, mediaLane, visible } from './lanes.ts';
import {
  type Cluster,
  type Frame,
  type GapBox,
  hit,
  type LaneBox,
  type Layout,
  layout,
  timeToX,
} from './layout.ts';
import { type Palette, paint, paletteOf } from './paint.ts';
import { freezeAt } from './report-words.ts';
import type { Connection } from './store.ts';
import { clockText, msText, roundMs } from './time.ts';
import { range } from './view.ts';

export interface TimelineProps {
  /** One participant's connections, oldest first; the media lanes are the last one's. */
  connections: readonly Connection[];
  /** Moments that somebody marked. */
  marks: readonly PathEventData[];
  control: TimeControl;
  title: (network: string) => string;
  /** Narrow: lane names above the lanes, not beside them. */
  narrow?: boolean;
  gutter: number;
  font: number;
  maxPaths: number;
  onSelect?: (eventID: number) => void;
}

interface Tip {
  x: number;
  y: number;
  below: boolean;
  cluster: Cluster | null;
  gap: GapBox | null;
}

export function Timeline(props: TimelineProps) {
  const { connections, marks, control, narrow } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useSignal<Tip | null>(null);
  const stable = useMemo(
    () => lanes(connections, marks),
    // Samples replace connections five times a second; the lanes only depend on what happened.
    [
      marks,
      ...connections.flatMap((c) => [c.id, c.events, c.snapshot.last_event, c.snapshot.state]).slice(-16),
    ],
  );
  // The animation loop reads what the last render knew, without being started again by every sample.
  const latest = useRef({ props, stable });
  latest.current = { props, stable };
  const drawn = useRef<{ layout: Layout; frame: Frame } | null>(null);
  const selected = useRef<number | null>(null); // an event's ID

  useEffect(() => {
    const element = canvas.current;
    const c = element?.getContext('2d');
    if (!element || !c) return;
    let palette: Palette | null = null;
    let paletteTheme = '';
    let request = 0;
    let lastKey = '';
    let lastDraw = 0;
    let seen = true;
    const family = getComputedStyle(element).fontFamily || 'sans-serif';

    const draw = (at: number) => {
      request = requestAnimationFrame(draw);
      if (!seen || at - lastDraw < 30) return;
      const now = control.now();
      const window = control.window.peek();
      const r = range(window, now);
      const width = element.clientWidth;
      if (width === 0) return;
      const { props: p, stable: events } = latest.current;
      const last = p.connections.at(-1);
      // Nothing to do while the picture would move by less than half a pixel.
      const pixel = window.span / width;
      const key = [
        Math.round((r.to / pixel) * 2),
        Math.round((now / pixel) * (window.end === null ? 0 : 2)),
        window.span,
        width,
        last?.series.last('time'),
        last?.snapshot.last_event,
        control.cursor.peek(),
        theme.peek(),
        selected.current,
        p.maxPaths,
        p.gutter,
        events.length,
        p.marks.length,
        last?.id,
      ].join();
      if (key === lastKey) return;
      lastKey = key;
      lastDraw = at;
      if (!palette || paletteTheme !== theme.peek()) {
        palette = paletteOf(element);
        paletteTheme = theme.peek();
      }
      const frame: Frame = {
        width,
        gutter: p.gutter,
        names: p.narrow ? 'above' : 'beside',
        font: p.font,
        range: r,
        now,
      };
      const all: Lane[] = visible(events, r, now, p.maxPaths);
      const series = p.connections.map((connection) => connection.series);
      for (const direction of ['down', 'up'] as const) all.push(mediaLane(series, direction, r));
      const made = layout(all, frame);
      drawn.current = { layout: made, frame };
      const ratio = devicePixelRatio || 1;
      const w = Math.round(width * ratio);
      const h = Math.round(made.height * ratio);
      if (element.width !== w || element.height !== h) {
        element.width = w;
        element.height = h;
        element.style.height = `${made.height}px`;
      }
      c.setTransform(ratio, 0, 0, ratio, 0, 0);
      const cursor = control.cursor.peek();
      paint(c, made, frame, {
        palette,
        fontFamily: family,
        cursor: Number.isNaN(cursor) ? Number.NaN : timeToX(cursor, frame),
        selected: find(made, selected.current),
        laneName: (box) => laneName(box, p.title),
      });
    };
    request = requestAnimationFrame(draw);
    const watch = new IntersectionObserver((entries) => {
      seen = entries.some((e) => e.isIntersecting);
    });
    watch.observe(element);
    const undo = gestures(element, control, () => ({
      left: latest.current.props.gutter,
      right: element.clientWidth,
    }));
    return () => {
      cancelAnimationFrame(request);
      watch.disconnect();
      undo();
    };
  }, [control]);

  const point = (event: MouseEvent) => {
    const at = drawn.current;
    if (!at) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const found = hit(at.layout, event.clientX - box.left, event.clientY - box.top);
    if (!found) {
      tip.value = null;
      return;
    }
    if ('cluster' in found) showTip(found.cluster, null);
    else showTip(null, found.gap);
  };
  const showTip = (cluster: Cluster | null, gap: GapBox | null) => {
    const x = cluster?.x ?? (gap ? gap.x + gap.width / 2 : 0);
    const y = cluster?.y ?? gap?.y ?? 0;
    const height = drawn.current?.layout.height ?? 0;
    tip.value = { x, y, below: y < height * 0.6, cluster, gap };
  };
  const select = (cluster: Cluster | undefined) => {
    if (!cluster) return;
    selected.current = cluster.marks.at(-1)?.event.id ?? null;
    showTip(cluster, null);
    announce(cluster.marks.map((m) => `${clockText(m.time)} ${explain(m.event).title}`).join('. '));
  };
  const step = (by: number) => {
    const at = drawn.current;
    if (!at) return;
    const all = at.layout.lanes.flatMap((l) => l.clusters).sort((a, b) => a.x - b.x);
    if (all.length === 0) return;
    const now = all.findIndex((cl) => cl.marks.some((m) => m.event.id === selected.current));
    const next = now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by));
    select(all[next]);
  };
  const onKey = (event: KeyboardEvent) => {
    const pixels = control.window.peek().span / 8;
    const keys: Record<string, () => void> = {
      ArrowRight: () => (event.shiftKey ? control.pan(pixels) : step(1)),
      ArrowLeft: () => (event.shiftKey ? control.pan(-pixels) : step(-1)),
      Home: () => step(-1e6),
      End: () => step(1e6),
      '+': () => control.zoom(0.6, tipTime()),
      '=': () => control.zoom(0.6, tipTime()),
      '-': () => control.zoom(1 / 0.6, tipTime()),
      l: () => control.follow(),
      h: () => showHandover(connections, control),
      Escape: () => {
        tip.value = null;
        selected.current = null;
      },
    };
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  };
  const tipTime = () => tip.peek()?.cluster?.marks[0]?.time ?? null;

  return (
    <section class="d-timeline" aria-label="Timeline">
      <TimelineControls connections={connections} control={control} narrow={narrow ?? false} />
      <div class="d-canvas" onPointerLeave={() => (tip.value = null)}>
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: keys move within it, as its label says */}
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={`Timeline of paths, connection IDs and media. Left and right arrows go from event to event, plus and minus zoom, shift with the arrows moves, space pauses, h shows the last handover.`}
          data-testid="timeline"
          onPointerMove={point}
          onClick={(event) => {
            point(event);
            const id = tip.value?.cluster?.marks.at(-1)?.event.id;
            if (id !== undefined) props.onSelect?.(id);
          }}
          onKeyDown={onKey}
          onBlur={() => (tip.value = null)}
          style={{ touchAction: 'pan-y' }}
        />
        <TipBox tip={tip.value} width={canvas.current?.clientWidth ?? 0} narrow={narrow ?? false} />
      </div>
    </section>
  );
}

function find(l: Layout, event: number | null): Cluster | null {
  if (event === null) return null;
  for (const box of l.lanes)
    for (const cluster of box.clusters) if (cluster.marks.some((m) => m.event.id === event)) return cluster;
  return null;
}

function laneName(box: LaneBox, title: (network: string) => string): { name: string; detail: string } {
  const { lane } = box;
  switch (lane.kind) {
    case 'path':
      return { name: lane.network ? title(lane.network) : `Path ${lane.path}`, detail: lane.remote };
    case 'moments':
      return { name: 'Marks', detail: 'set by hand' };
    case 'ids':
      return { name: 'Connection IDs', detail: 'issued, in use, retired' };
    case 'media':
      return lane.direction === 'down'
        ? {
            name: 'Sees and hears',
            detail: lane.measured ? 'video gaps · concealed' : 'nothing received',
          }
        : {
            name: 'Is seen and heard',
            detail: lane.measured ? 'video gaps · concealed' : 'nobody watches',
          };
  }
}

/** Zooms to the last change of path, from its challenge to its switch. */
export function showHandover(connections: readonly Connection[], control: TimeControl): void {
  const events = connections.flatMap((c) => c.events);
  const change = events.findLast((e) => e.type === 'path_switched' || e.type === 'session_resumed');
  if (!change) return;
  const time = (text: string) => Date.parse(text);
  const to = time(change.time);
  const challenge = events.find(
    (e) =>
      e.type === 'path_challenge_sent' &&
      e.connection === change.connection &&
      e.path === change.path &&
      to - time(e.time) < 10_000,
  );
  const from = challenge ? time(challenge.time) : to - 100;
  // More room after the switch than before the challenge: there stand the words about the steps, and what people saw of it.
  const took = Math.max(12, to - from);
  control.show(from - took * 0.2, to + took * 0.9);
}

function TimelineControls({
  connections,
  control,
  narrow,
}: {
  connections: readonly Connection[];
  control: TimeControl;
  narrow: boolean;
}) {
  const window = control.window.value;
  const live = window.end === null;
  const changed = connections.some((c) => c.snapshot.changes > 0 || c.previous);
  return (
    <div class="d-time-controls">
      <button
        type="button"
        class={live ? 'd-live on' : 'd-live'}
        aria-pressed={live}
        title={live ? control.words.hold : control.words.follow}
        onClick={() => control.togglePause()}
      >
        <span class="d-dot" />
        {live
          ? `${control.words.present} · last ${roundMs(window.span)}`
          : `Paused · ${roundMs(window.span)} shown`}
      </button>
      <span class="d-grow" />
      {changed && (
        <Button
          size="small"
          {...(!narrow && { icon: 'search' as const })}
          onClick={() => showHandover(connections, control)}
          title="Zoom to the last handover (H)"
        >
          {narrow ? 'Handover' : 'Last handover'}
        </Button>
      )}
      {!narrow && (
        <>
          <IconButton
            size="small"
            icon="chevron-left"
            label="Earlier"
            onClick={() => control.pan(-control.window.peek().span / 3)}
          />
          <IconButton
            size="small"
            icon="chevron-right"
            label="Later"
            onClick={() => control.pan(control.window.peek().span / 3)}
          />
        </>
      )}
      <Button size="small" onClick={() => control.zoom(0.5)} aria-label="Zoom in" title="Zoom in (+)">
        +
      </Button>
      <Button size="small" onClick={() => control.zoom(2)} aria-label="Zoom out" title="Zoom out (−)">
        −
      </Button>
      {!(live && window.span === 30_000) && (
        <Button size="small" onClick={() => control.reset()}>
          {narrow ? control.words.present : 'Last 30 s'}
        </Button>
      )}
    </div>
  );
}

function TipBox({ tip, width, narrow }: { tip: Tip | null; width: number; narrow: boolean }) {
  if (!tip) return null;
  const w = narrow ? Math.min(300, width - 8) : 420;
  const left = Math.max(4, Math.min(width - w - 4, tip.x - w / 2));
  return (
    <div
      class="d-tip"
      style={{
        left: `${left}px`,
        width: `${w}px`,
        top: tip.below ? `${tip.y + 16}px` : undefined,
        bottom: tip.below ? undefined : `calc(100% - ${tip.y - 14}px)`,
      }}
    >
      {tip.gap && (
        <p>
          <b>
            {roundMs(tip.gap.gap.ms)} between frames{tip.gap.gap.frozen ? ': a freeze' : ''}
          </b>
          <br />
          It ended in the sample of {clockText(tip.gap.gap.to, 1)}; samples come about five times a second.
          {` Usual here: ${roundMs(tip.gap.gap.normal)}; a freeze starts at ${roundMs(freezeAt(tip.gap.gap.normal))}.`}
        </p>
      )}
      {tip.cluster?.marks.slice(-5).map((mark, i, shown) => {
        const before = shown[i - 1];
        return (
          <p key={mark.event.id}>
            <b>{explain(mark.event).title}</b>
            <br />
            <span class="d-mono">{clockText(mark.time)}</span>
            {before && <span> · {msText(mark.time - before.time)} later</span>}
            {mark.event.challenge && <span class="d-mono"> · {mark.event.challenge}</span>}
            {shown.length === 1 && <span class="d-tip-meaning">{explain(mark.event).meaning}</span>}
          </p>
        );
      })}
      {tip.cluster && tip.cluster.marks.length > 1 && <p class="d-muted">Zoom in to tell them apart.</p>}
    </div>
  );
}
