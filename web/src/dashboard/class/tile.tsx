// One participant among many: who, on which network, and what became of the call at the last change.

import { Chip, NetworkChip } from '../../ui/chip.tsx';
import { roundMs } from '../time.ts';
import { verdictIcons } from '../verdict.tsx';
import { type Change, lastChange, type PathState, pathState, type Seat } from './seats.ts';

export interface TileProps {
  seat: Seat;
  network: string; // '' if unknown
  title: string; // of the network
  room: boolean; // whether to say which room it is
  now: number;
  onOpen: (participant: string) => void;
}

/** For so long a tile is marked that has just changed. */
const freshMs = 4000;

export function Tile({ seat, network, title, room, now, onOpen }: TileProps) {
  const { connection, presence } = seat;
  const s = connection.snapshot;
  const change = lastChange(connection, now);
  const state = pathState(s, now);
  const fresh = change !== null && now - change.at < freshMs;
  return (
    <button
      type="button"
      class={`k-tile ${presence}${fresh ? ` fresh ${change.verdict}` : ''}`}
      data-testid="class-tile"
      data-participant={seat.participant}
      data-name={s.name}
      data-connection={connection.id}
      data-presence={presence}
      data-network={network}
      data-path-state={state}
      data-verdict={change?.verdict ?? ''}
      data-gap-ms={change && !Number.isNaN(change.gapMs) ? Math.round(change.gapMs) : ''}
      onClick={() => onOpen(seat.participant)}
    >
      <span class="k-in">
        <span class="k-name">{s.name || seat.participant}</span>
        {room && s.room && <span class="k-room">{s.room}</span>}
        <span class="k-net">
          {network ? (
            <NetworkChip network={network} title={title} />
          ) : (
            <Chip icon="network">{s.transport === 'websocket' ? 'TCP' : 'direct'}</Chip>
          )}
          <State state={state} presence={presence} />
        </span>
        <span class="k-change">
          {change ? (
            <>
              <Chip token={`verdict-${change.verdict}`} icon={verdictIcons[change.verdict]}>
                {change.verdict}
              </Chip>
              <Gap change={change} />
            </>
          ) : (
            <span class="d-muted">no change yet</span>
          )}
        </span>
      </span>
    </button>
  );
}

const stateWords: Record<PathState, string> = {
  probing: 'probing',
  validated: 'validated',
  failed: 'failed',
  active: 'active',
  closed: 'closed',
};
const stateTokens: Record<PathState, string> = {
  probing: 'path-probing',
  validated: 'path-validated',
  failed: 'path-failed',
  active: 'path-active',
  closed: 'path-retired',
};

function State({ state, presence }: { state: PathState; presence: Seat['presence'] }) {
  return (
    <span class="k-state" style={{ color: `var(--${stateTokens[state]})` }}>
      <span class={`k-dot ${state}`} />
      {presence === 'away' ? 'lost, waiting' : stateWords[state]}
    </span>
  );
}

function Gap({ change }: { change: Change }) {
  if (change.verdict === 'dropped') return null;
  if (change.pending) return <span class="k-gap d-muted">measuring…</span>;
  if (Number.isNaN(change.gapMs)) return <span class="k-gap d-muted">no video</span>;
  return (
    <span class={change.frozen ? 'k-gap frozen' : 'k-gap'}>
      <b>{roundMs(change.gapMs)}</b> <small>{change.frozen ? 'freeze' : 'longest gap'}</small>
    </span>
  );
}
