// The table and the picture of everybody's runs, and both as files.

import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import type { Audience } from './audience.ts';
import { csv } from './csv.ts';
import { cells, colours, drawGaps, drawSheet } from './drawing.ts';
import { ofStyle, people, rows } from './statistics.ts';
import { BUSY_MS } from './steadiness.ts';
import type { Run, RunStyle } from './types.ts';
import { BYTES_WORDS, FREEZE_WORDS, LOST_WORDS } from './words.ts';

export function Results({ audience, style }: { audience: Audience; style: RunStyle }) {
  const all = audience.runs.value;
  const runs = ofStyle(all, style);
  const section = useRef<HTMLElement>(null);
  const png = () => {
    if (!section.current) return;
    const networks = audience.state.value?.networks ?? [];
    const sheet = drawSheet({ runs, style, networks, at: new Date() }, colours(section.current));
    sheet.toBlob((blob) => blob && save(blob, `roamcall-three-lanes-${style}.png`));
  };
  const who = people(runs);
  const busy = runs.filter((r) => r.stood_ms > BUSY_MS).length;
  return (
    <section class="compare-results" ref={section} aria-labelledby="results">
      <header>
        <div>
          <h2 id="results">The runs of this audience</h2>
          <p>
            {runs.length} {runs.length === 1 ? 'run' : 'runs'} of {who} {who === 1 ? 'page' : 'pages'},{' '}
            {style === 'walk' ? 'walking out of Wi-Fi' : 'Wi-Fi cut off'}.
          </p>
        </div>
        <div class="compare-exports">
          <Button
            variant="outline"
            data-testid="compare-csv"
            disabled={all.length === 0}
            onClick={() => save(new Blob([csv(all)], { type: 'text/csv' }), 'roamcall-three-lanes.csv')}
          >
            Export CSV
          </Button>
          <Button variant="outline" data-testid="compare-png" disabled={runs.length === 0} onClick={png}>
            Export PNG
          </Button>
        </div>
      </header>
      <div class="compare-scroll" tabIndex={0} role="region" aria-label="The numbers of each lane">
        <table data-testid="compare-table" data-runs={runs.length}>
          <thead>
            <tr>
              <th scope="col">Lane</th>
              <th scope="col">runs</th>
              <th scope="col">longest gap, median</th>
              <th scope="col">p95</th>
              <th scope="col">longest</th>
              <th scope="col">runs with a freeze</th>
              <th scope="col">lost, median</th>
              <th scope="col">bytes, median</th>
            </tr>
          </thead>
          <tbody>
            {rows(runs).map((row) => {
              const [lane, ...rest] = cells(row);
              return (
                <tr key={row.lane} data-lane={row.lane}>
                  <th scope="row">{lane}</th>
                  {rest.map((c, i) => (
                    <td key={i}>{c}</td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <Gaps runs={runs} />
      {busy > 0 && (
        <p class="compare-small">
          In {busy} of {runs.length} runs pictures stood still for more than {BUSY_MS} ms without any doing of
          the network, because the machine was busy.
        </p>
      )}
      <p class="compare-small">
        {FREEZE_WORDS} {LOST_WORDS} {BYTES_WORDS} Numbers are measured by each page where it draws the frames,
        and kept by the server until it ends.
      </p>
    </section>
  );
}

function Gaps({ runs }: { runs: Run[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const draw = () => {
      const context = element.getContext('2d');
      const { clientWidth: width, clientHeight: height } = element;
      if (!context || width === 0) return;
      element.width = width * devicePixelRatio;
      element.height = height * devicePixelRatio;
      context.scale(devicePixelRatio, devicePixelRatio);
      const font = width < 600 ? 12 : 15;
      drawGaps(context, runs, {
        box: { x: 0, y: 4, width, height: height - 4 },
        font,
        colour: colours(element),
      });
    };
    draw();
    const size = new ResizeObserver(draw);
    size.observe(element);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      size.disconnect();
      theme.disconnect();
    };
  }, [runs]);
  return (
    <canvas
      ref={canvas}
      class="compare-gaps"
      role="img"
      aria-label="The longest gap of each run, by lane; the numbers are in the table"
    />
  );
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
