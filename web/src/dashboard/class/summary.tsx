// The class in one line to say aloud: who is here, on which networks, and what the last switch did.

import { useEffect, useRef } from 'preact/hooks';
import { NetworkChip } from '../../ui/chip.tsx';
import { announce } from '../../ui/toast.tsx';
import { clockText, roundMs } from '../time.ts';
import { type Wave, waveWords } from './seats.ts';

export interface SummaryProps {
  here: number;
  rooms: number;
  /** How many are on each network, the lab's in its order; those on none that has a name count as `elsewhere`. */
  networks: { name: string; title: string; count: number }[];
  elsewhere: number;
  wave: Wave | null;
}

export function Summary({ here, rooms, networks, elsewhere, wave }: SummaryProps) {
  const words = wave ? waveWords(wave, roundMs) : '';
  const complete = wave !== null && wave.pending === 0;
  const said = useRef(Number.NaN);
  // Said when all have been heard, once for each wave, and not for one that was over when the page was opened.
  useEffect(() => {
    if (!wave) return;
    if (Number.isNaN(said.current) && complete) said.current = wave.at;
    if (complete && said.current !== wave.at) {
      said.current = wave.at;
      announce(words);
    } else if (Number.isNaN(said.current)) said.current = 0;
  }, [wave?.at, complete]);
  return (
    <div class="k-summary" data-testid="class-summary" data-connected={here}>
      <p class="k-here">
        <span>
          <b>{here}</b> connected{rooms > 1 ? ` in ${rooms} rooms` : ''}
        </span>
        {networks.map((n) => (
          <span key={n.name} data-testid="on-network" data-network={n.name} data-count={n.count}>
            <b>{n.count}</b> on <NetworkChip network={n.name} title={n.title} />
          </span>
        ))}
        {elsewhere > 0 && (
          <span class="d-muted">
            <b>{elsewhere}</b> past the lab
          </span>
        )}
      </p>
      {wave && (
        <p
          class="k-wave"
          data-testid="last-switch"
          data-changes={wave.changes}
          data-pending={wave.pending}
          data-migrated={wave.verdicts.migrated}
          data-rebound={wave.verdicts.rebound}
          data-resumed={wave.verdicts.resumed}
          data-dropped={wave.verdicts.dropped}
        >
          <span class="d-muted">Last switch, {clockText(wave.at, 0)}:</span> <b>{words}</b>
          {wave.pending > 0 && (
            <span class="d-muted">
              {' '}
              · {wave.pending} of {wave.changes} still measured
            </span>
          )}
        </p>
      )}
    </div>
  );
}
