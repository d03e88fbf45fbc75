// The picture of a connection's paths: it moves when the path moves.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LinkInfo } from '../call/types.ts';
import type { PathEventData } from '../protocol/messages.gen.ts';
import { Icon } from '../ui/icons.tsx';
import { networkColours, networkIcon } from '../ui/networks.ts';
import { inUse, shorten } from './ids.ts';
import {
  narrow as narrowSize,
  type Picture,
  pace,
  picture,
  type Row,
  type Size,
  wide as wideSize,
} from './picture-geometry.ts';
import { activePath, type Connection } from './store.ts';
import { msText, parseTime } from './time.ts';

const flightMs = 800;
/** A burst of challenges is not drawn to its end: what flies is to be of now. */
const mostWaitMs = 4 * flightMs;

/** A PATH_CHALLENGE or PATH_RESPONSE on its way, drawn far slower than it was. */
interface Flight {
  id: number;
  kind: 'challenge' | 'response';
  path: number;
  delay: number;
  ms: number;
  data: string;
}

export interface PathPictureProps {
  connection: Connection;
  link: LinkInfo | undefined;
  narrow?: boolean;
  now: () => number;
}

export function PathPicture({ connection, link, narrow, now }: PathPictureProps) {
  const size = narrow ? narrowSize : wideSize;
  const { snapshot, sample } = connection;
  const p = picture(snapshot, link, size);
  const flights = useFlights(connection, now);
  const open = snapshot.state !== 'closed';
  const colour = (row: Row) => (row.network ? networkColours(row.network).colour : 'var(--accent)');
  const down = open ? pace(sample?.send_bps ?? 0) : 0;
  const up = open ? pace(sample?.recv_bps ?? 0) : 0;
  const rtt = sample?.metrics.rtt_ms || snapshot.metrics.rtt_ms;
  const slow = flights.findLast((f) => f.ms > 0);
  return (
    <figure
      class={`d-picture${narrow ? ' narrow' : ''}`}
      data-testid="path-picture"
      data-active={p.active?.network ?? ''}
    >
      <svg viewBox={`0 0 ${size.width} ${p.height}`} role="img" aria-label={describe(p, snapshot.name ?? '')}>
        {p.rows.map((row) => (
          <path
            key={row.key}
            class={`d-line ${row.state}`}
            d={row.d}
            style={{ stroke: lineColour(row, colour(row)) }}
          />
        ))}
        {p.active && (
          <g style={{ color: colour(p.active) }} class="d-beam">
            <path class="d-glow" d={p.active.d} style={{ d: `path("${p.active.d}")` }} />
            <path class="d-core" d={p.active.d} style={{ d: `path("${p.active.d}")` }} />
            {up > 0 && (
              <path
                class="d-packets up"
                d={p.active.d}
                style={{ d: `path("${p.active.d}")`, animationDuration: `${up}s` }}
              />
            )}
            {down > 0 && (
              <path
                class="d-packets down"
                d={p.active.d}
                style={{ d: `path("${p.active.d}")`, animationDuration: `${down}s` }}
              />
            )}
          </g>
        )}
        {p.rows.map((row) => (
          <Pill key={row.key} row={row} size={size} colour={colour(row)} rtt={rtt} narrow={narrow ?? false} />
        ))}
        <Node
          at={p.participant}
          size={size}
          label={snapshot.name || 'Participant'}
          initial={(snapshot.name || '?').slice(0, 1)}
          narrow={narrow ?? false}
        />
        <Node at={p.server} size={size} label="Server" initial="" narrow={narrow ?? false} />
        {flights.map((flight) => {
          const row = p.rows.find((r) => r.path?.id === flight.path);
          return row && <Token key={flight.id} flight={flight} row={row} size={size} />;
        })}
      </svg>
      <figcaption>
        {snapshot.transport === 'websocket' && <span>TCP: no connection IDs, no path validation</span>}
        <span hidden={snapshot.transport === 'websocket'}>
          {narrow ? 'to server' : 'Destination ID on packets to the server:'}{' '}
          <span class="d-mono">{dcid(snapshot, 'server')}</span>
        </span>
        {slow ? (
          <span class="d-slow">slow motion: really {msText(slow.ms)}</span>
        ) : (
          !narrow &&
          p.rows.some((r) => r.emulated) && <span class="d-muted">emulated networks, real QUIC</span>
        )}
        <span hidden={snapshot.transport === 'websocket'}>
          {narrow ? 'to client' : 'to the client:'} <span class="d-mono">{dcid(snapshot, 'client')}</span>
        </span>
      </figcaption>
    </figure>
  );
}

function dcid(snapshot: Connection['snapshot'], issuer: 'server' | 'client'): string {
  const id = inUse(snapshot.connection_ids, issuer);
  if (!id) return '–';
  return id.id === '' ? 'empty ID' : shorten(id.id, 20);
}

function lineColour(row: Row, colour: string): string {
  switch (row.state) {
    case 'failed':
      return 'var(--path-failed)';
    case 'probing':
      return 'var(--path-probing)';
    case 'unused':
      return 'var(--line-strong)';
    default:
      return colour;
  }
}

function Pill({
  row,
  size,
  colour,
  rtt,
  narrow,
}: {
  row: Row;
  size: Size;
  colour: string;
  rtt: number;
  narrow: boolean;
}) {
  const { width, height } = size.pill;
  const x = (size.width - width) / 2;
  const y = row.y - height / 2;
  const font = narrow ? 15 : 23;
  const pad = narrow ? 11 : 18;
  return (
    <g
      class={`d-pill ${row.state}`}
      style={{ color: colour }}
      data-network={row.network}
      data-state={row.state}
    >
      <rect x={x} y={y} width={width} height={height} rx={narrow ? 14 : 20} />
      <svg
        aria-hidden="true"
        x={x + pad}
        y={y + (narrow ? 10 : 12)}
        width={font * 1.2}
        height={font * 1.2}
        viewBox="0 0 24 24"
        class="d-pill-icon"
      >
        <Icon name={networkIcon(row.network)} />
      </svg>
      <text class="d-pill-name" x={x + pad + font * 1.5} y={y + (narrow ? 24 : 34)} font-size={font}>
        {row.title}
      </text>
      {row.state === 'active' && rtt > 0 && (
        <text
          class="d-pill-rtt"
          x={x + width - pad}
          y={y + (narrow ? 24 : 34)}
          font-size={font}
          text-anchor="end"
        >
          {rtt < 10 ? rtt.toFixed(1) : Math.round(rtt)} ms
        </text>
      )}
      <text class="d-pill-address" x={x + pad} y={y + (narrow ? 45 : 56)} font-size={narrow ? 12.5 : 17}>
        {row.path?.remote ?? 'no path here yet'}
      </text>
      <text class="d-pill-state" x={x + pad} y={y + (narrow ? 65 : 75)} font-size={narrow ? 12.5 : 15}>
        {stateWords(row, narrow)}
      </text>
      {row.state === 'failed' && (
        <path class="d-cross" d={`M ${x - 34} ${row.y - 12} l 24 24 m 0 -24 l -24 24`} />
      )}
    </g>
  );
}

function stateWords(row: Row, short = false): string {
  const path = row.path;
  const answered = path?.response_ms ? ` · answered ${short ? '' : 'in '}${msText(path.response_ms)}` : '';
  switch (row.state) {
    case 'active':
      return `in use${answered}`;
    case 'validated':
      return `validated${answered}`;
    case 'probing':
      return `probing${short ? '' : ': no response yet'}${path?.attempts && path.attempts > 1 ? ` (${path.attempts})` : ''}`;
    case 'failed':
      return short ? 'failed: no response' : 'validation failed: no response';
    case 'retired':
      return 'no longer used';
    default:
      return 'available';
  }
}

function Node({
  at,
  size,
  label,
  initial,
  narrow,
}: {
  at: { x: number; y: number };
  size: Size;
  label: string;
  initial: string;
  narrow: boolean;
}) {
  const r = size.node;
  const most = narrow ? 12 : 14;
  const name = label.length > most ? `${label.slice(0, most - 1)}…` : label;
  const spills = narrow && name.length * 7 > 2 * at.x; // than there is room around the middle
  return (
    <g class="d-node">
      <circle cx={at.x} cy={at.y} r={r} />
      {initial ? (
        <text x={at.x} y={at.y} dy="0.36em" text-anchor="middle" font-size={r * 0.95} class="d-initial">
          {initial.toUpperCase()}
        </text>
      ) : (
        <g transform={`translate(${at.x - r * 0.5} ${at.y - r * 0.5}) scale(${r / 24})`} class="d-server">
          <path d="M3 4h18v6H3zM3 14h18v6H3zM7 7h.1M7 17h.1" />
        </g>
      )}
      <text
        x={spills ? 2 : at.x}
        y={at.y + r + (narrow ? 17 : 26)}
        text-anchor={spills ? 'start' : 'middle'}
        font-size={narrow ? 13 : 19}
        class="d-node-name"
      >
        {name}
      </text>
    </g>
  );
}

function Token({ flight, row, size }: { flight: Flight; row: Row; size: Size }) {
  const challenge = flight.kind === 'challenge';
  const small = size.width < 600;
  const w = small ? 104 : 190;
  const h = small ? 26 : 40;
  return (
    <g
      class={`d-token ${flight.kind}`}
      style={{
        offsetPath: `path("${row.d}")`,
        animationDelay: `${flight.delay}ms`,
        animationDuration: `${flightMs}ms`,
      }}
    >
      <rect x={-w / 2} y={-h / 2} width={w} height={h} rx={h / 2} />
      <text text-anchor="middle" dy="0.36em" font-size={small ? 11.5 : 17}>
        {challenge ? 'PATH_CHALLENGE' : 'PATH_RESPONSE'}
      </text>
    </g>
  );
}

/** The challenges and responses of the last moments; none for a history that is loaded at once. */
function useFlights(connection: Connection, now: () => number): Flight[] {
  const flights = useSignal<Flight[]>([]);
  const seen = useSignal({ connection: '', id: 0, free: 0 });
  const newest = connection.events.at(-1)?.id ?? 0;
  useEffect(() => {
    const known = seen.peek();
    const fresh = known.connection === connection.id;
    if (fresh && known.id > newest) seen.value = { ...known, id: newest }; // a recording was turned back
    if (fresh && known.id >= newest) return;
    const at = performance.now();
    let free = fresh ? Math.max(known.free, at) : at;
    const added: Flight[] = [];
    for (const event of connection.events.slice(-12)) {
      if ((fresh && event.id <= known.id) || !flies(event)) continue;
      if (now() - parseTime(event.time) > 1500 || free - at > mostWaitMs) continue;
      added.push({
        id: event.id,
        kind: event.type === 'path_challenge_sent' ? 'challenge' : 'response',
        path: event.path,
        delay: free - at,
        ms: event.response_ms ?? 0,
        data: event.challenge ?? '',
      });
      free += flightMs;
    }
    seen.value = { connection: connection.id, id: newest, free };
    if (added.length === 0) {
      if (!fresh && flights.peek().length > 0) flights.value = [];
      return;
    }
    flights.value = [...(fresh ? flights.peek() : []), ...added].slice(-6);
    // What has arrived goes; a late timer only leaves something invisible in the picture.
    const gone = new Set(added.map((f) => f.id));
    setTimeout(
      () => {
        flights.value = flights.peek().filter((f) => !gone.has(f.id));
      },
      free - at + 700,
    );
  }, [connection.id, newest]);
  return flights.value;
}

function flies(event: PathEventData): boolean {
  return event.type === 'path_challenge_sent' || event.type === 'path_response_received';
}

function describe(p: Picture, name: string): string {
  const rows = p.rows.map((r) => `${r.title}${r.path ? ` (${r.path.remote})` : ''}: ${stateWords(r)}`);
  return `Paths between ${name || 'the participant'} and the server. ${rows.join('. ')}.`;
}

/** For tests and for words elsewhere: the path in use as "local ↔ remote". */
export function pathText(connection: Connection): string {
  const path = activePath(connection.snapshot);
  return path ? `${path.local || '?'} ↔ ${path.remote || '?'}` : 'no path yet';
}
