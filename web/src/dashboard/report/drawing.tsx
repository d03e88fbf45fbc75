// The drawing on the paper: ways as bars, steps as marks on lines of their own, so that no label covers another.

import type { HandoverReport, PathEventData } from '../../protocol/messages.gen.ts';
import { msText, ticks } from '../time.ts';
import { type Drawing, drawingOf } from './drawing.ts';

const width = 1000;
const gutter = 250;
const row = { way: 44, step: 22, axis: 30 };

export interface HandoverDrawingProps {
  report: HandoverReport;
  events: readonly PathEventData[];
  title: (network: string) => string;
}

export function HandoverDrawing({ report, events, title }: HandoverDrawingProps) {
  const d = drawingOf(report, events, title);
  const x = (at: number) => gutter + ((at - d.from) / (d.to - d.from)) * (width - gutter - 8);
  const steps = d.ways.length * row.way + 8;
  const axis = steps + d.steps.length * row.step + 6;
  const height = axis + row.axis;
  const scale = ticks(d.from - d.origin, d.to - d.origin, 7);
  return (
    <svg class="r-drawing" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={words(d)}>
      {scale.at.map((ms) => (
        <g key={ms} class="r-tick">
          <line x1={x(d.origin + ms)} x2={x(d.origin + ms)} y1={0} y2={axis} />
          <text x={x(d.origin + ms)} y={axis + 20} text-anchor="middle">
            {ms === 0 ? '0' : `${ms > 0 ? '+' : '−'}${plain(Math.abs(ms))}`}
          </text>
        </g>
      ))}
      {d.ways.map((way, i) => (
        <g key={way.detail || way.label} transform={`translate(0 ${i * row.way})`}>
          <text class="r-way" x={0} y={18}>
            {way.label}
          </text>
          <text class="r-detail" x={0} y={36}>
            {way.detail}
          </text>
          {way.bars.map((bar) => {
            const w = Math.max(0, x(bar.to) - x(bar.from));
            return (
              <g key={`${bar.part}${bar.from}`}>
                <rect class={`r-bar ${bar.part}`} x={x(bar.from)} y={7} width={w} height={28} rx={3} />
                {w > bar.words.length * 8.4 && (
                  <text class={`r-bar-words ${bar.part}`} x={x(bar.from) + w / 2} y={26} text-anchor="middle">
                    {bar.words}
                  </text>
                )}
              </g>
            );
          })}
        </g>
      ))}
      {d.steps.map((step, i) => {
        const y = steps + i * row.step + 13;
        const late = x(step.at) > width * 0.66;
        return (
          <g key={`${step.at}${step.type}`} class={`r-step ${step.type}`}>
            <text class="r-detail" x={gutter - 12} y={y + 5} text-anchor="end">
              {`${step.at < d.origin ? '−' : '+'}${msText(Math.abs(step.at - d.origin))}`}
            </text>
            <line x1={gutter} x2={x(step.at)} y1={y} y2={y} />
            <circle cx={x(step.at)} cy={y} r={5.5} />
            <text x={x(step.at) + (late ? -12 : 12)} y={y + 5} text-anchor={late ? 'end' : 'start'}>
              {step.title}
            </text>
          </g>
        );
      })}
    </svg>
  );
}

/** A tick's time: ticks are round, so no digits that say nothing. */
function plain(ms: number): string {
  return ms >= 1000 ? `${+(ms / 1000).toFixed(2)} s` : `${+ms.toFixed(1)} ms`;
}

function words(d: Drawing): string {
  const steps = d.steps.map((s) => `${msText(s.at - d.origin)}: ${s.title}`);
  const bars = d.ways.map(
    (w) =>
      `${w.label} ${w.detail}: ${w.bars.map((b) => b.words || (b.part === 'active' ? 'in use' : b.part)).join(', ')}`,
  );
  return `The handover in time. ${[...bars, ...steps].join('. ')}.`;
}
