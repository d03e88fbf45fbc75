// One connection on a card, or on a compact row when there are many.

import { useSignal } from '@preact/signals';
import type { SwitchStyle } from '../call/types.ts';
import { Chip, NetworkChip } from '../ui/chip.tsx';
import { formatBytes, formatRate, formatShare } from '../ui/format.ts';
import { Icon } from '../ui/icons.tsx';
import { networkColours, networkIcon } from '../ui/networks.ts';
import { toast } from '../ui/toast.tsx';
import { shorten } from './ids.ts';
import { type Link, networkTitle, networkWords } from './links.ts';
import { pathText } from './picture.tsx';
import { activePath, type Connection } from './store.ts';
import { agoText, msText, parseTime } from './time.ts';
import { LastVerdict } from './verdict.tsx';

export interface CardProps {
  connection: Connection;
  link: Link | undefined;
  selected: boolean;
  compact: boolean;
  now: number;
  style: SwitchStyle;
  onSelect: (id: string) => void;
  onSwitch: (link: string, network: string, style: SwitchStyle) => Promise<void>;
}

export function Card(props: CardProps) {
  const { connection, link, selected, compact } = props;
  const s = connection.snapshot;
  const closed = s.state === 'closed';
  const path = activePath(s);
  const text = pathText(connection);
  return (
    <article
      class={`d-card${selected ? ' selected' : ''}${compact ? ' compact' : ''}${closed ? ' closed' : ''}`}
      data-testid="connection-card"
      data-connection={s.id}
      data-state={s.state}
      data-participant={s.participant}
    >
      <button
        type="button"
        class="d-card-select"
        aria-pressed={selected}
        onClick={() => props.onSelect(s.id)}
      >
        <span class="d-card-name">{s.name || (s.participant ?? 'Not joined yet')}</span>
        {s.room && <span class="d-muted"> in {s.room}</span>}
      </button>
      <div class="d-card-verdict">
        {closed && (
          <Chip
            token="path-failed"
            data-hint={
              connection.next ? 'Another connection took this participant over.' : 'The connection has ended.'
            }
          >
            {connection.next ? 'replaced' : 'closed'}
          </Chip>
        )}
        {s.transport === 'websocket' && (
          <Chip data-hint="A WebSocket: no connection IDs, no path validation.">TCP</Chip>
        )}
        <LastVerdict verdict={s.verdict} />
      </div>
      <div class="d-card-path">
        {path?.network && <NetworkChip network={path.network} title={networkTitle(path.network, link)} />}
        <span data-testid="current-path" data-network={path?.network ?? ''} class="d-mono">
          {text}
        </span>
      </div>
      <div class="d-card-foot">
        <div class="d-card-id">
          <span class="d-muted">ID</span>{' '}
          <span
            data-testid="connection-id"
            data-connection-id={s.id}
            class="d-mono"
            tabIndex={0}
            data-hint={
              s.transport === 'websocket'
                ? `The server's name for this TCP connection, ${s.id}. It has no connection ID: when one of its addresses changes, it ends.`
                : `Original destination connection ID ${s.id}: what the client called the server in its first packet. It names the connection here, whatever its addresses become.`
            }
          >
            {shorten(s.id, compact ? 9 : 18)}
          </span>
          {!compact && connection.changedAt > 0 && (
            <span class="d-muted"> · {agoText(props.now - connection.changedAt)}</span>
          )}
        </div>
        {!closed && <Numbers connection={connection} compact={compact} />}
        {link && !closed && <NetworkButtons {...props} link={link} />}
      </div>
    </article>
  );
}

/** RTT, congestion window, rates and losses, newest measurement. */
export function Numbers({ connection, compact }: { connection: Connection; compact?: boolean }) {
  const s = connection.snapshot;
  const m = connection.sample?.metrics ?? s.metrics;
  const sample = connection.sample;
  const closed = s.state === 'closed';
  const rate = (bps: number | undefined) => (sample && !closed ? formatRate(bps ?? 0) : '–');
  return (
    <dl class="d-numbers">
      <Figure
        name="RTT"
        value={m.rtt_ms > 0 ? msText(m.rtt_ms) : '–'}
        hint={`Smoothed round-trip time on the path in use; newest ${msText(m.latest_rtt_ms)}, least ${msText(m.min_rtt_ms)}.`}
      />
      {!compact && (
        <>
          <Figure
            name="↓"
            value={rate(sample?.send_bps)}
            hint="Server to participant, all bytes of the connection."
          />
          <Figure
            name="↑"
            value={rate(sample?.recv_bps)}
            hint="Participant to server, all bytes of the connection."
          />
          <Figure
            name="cwnd"
            value={formatBytes(m.congestion_window)}
            hint="The congestion window: how much the server may have in flight. It starts afresh on a new path (RFC 9000 §9.4)."
          />
          <Figure
            name="lost"
            value={String(m.packets_lost)}
            hint={`QUIC packets of the server that were declared lost, of ${m.packets_sent} sent.${sample ? ` Media in the last sample: ${formatShare(sample.loss_down)} down, ${formatShare(sample.loss_up)} up.` : ''}`}
          />
        </>
      )}
    </dl>
  );
}

function Figure({ name, value, hint }: { name: string; value: string; hint: string }) {
  return (
    <div data-hint={hint} tabIndex={0}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** The lab's networks; pressing one switches the participant's link to it. */
function NetworkButtons({ connection, link, style, compact, onSwitch }: CardProps & { link: Link }) {
  const busy = useSignal('');
  const press = async (network: string) => {
    busy.value = network;
    try {
      await onSwitch(link.id, network, style);
    } catch (error) {
      toast(error instanceof Error ? error.message : 'The network could not be switched.', 'warning');
    }
    busy.value = '';
  };
  const active = activePath(connection.snapshot);
  return (
    <div class="d-networks">
      {link.networks.map((n) => {
        const { colour, soft } = networkColours(n.name);
        const on = link.active === n.name;
        return (
          <button
            key={n.name}
            type="button"
            data-testid={`network-${n.name}`}
            aria-pressed={on}
            disabled={busy.value !== ''}
            style={{ '--chip': colour, '--chip-soft': soft }}
            data-hint={`${n.title || n.name}${link.emulated ? ', emulated' : ''}: ${networkWords(n)}.${on ? ' In use.' : ' Press to switch to it.'}${active && active.network !== link.active ? ' The server has not followed yet.' : ''}`}
            onClick={() => press(n.name)}
          >
            <Icon name={networkIcon(n.name)} />
            <span class={compact ? 'sr-only' : undefined}>{n.title || n.name}</span>
          </button>
        );
      })}
      {link.switching && (
        <span class="d-walk">
          {link.style === 'walk'
            ? `walking out of range, ${Math.round(link.progress * 100)} %`
            : 'switching…'}
        </span>
      )}
    </div>
  );
}

/** When the connection began, for the detail's heading. */
export function sinceText(connection: Connection, now: number): string {
  return `connected ${agoText(now - parseTime(connection.snapshot.started))}`;
}
