// The dashboard beside the call, for the participant's own connection.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { CallEngine } from '../call/types.ts';
import { Chip, NetworkChip } from '../ui/chip.tsx';
import { Numbers } from './card.tsx';
import { createTimeControl } from './controller.ts';
import './dashboard.css';
import { IDsSection, NewsLine, PictureSection, ReportSection, showEvent, TimeSection } from './detail.tsx';
import { Hints } from './hint.tsx';
import { shorten } from './ids.ts';
import { networkTitle } from './links.ts';
import { EventLog } from './log.tsx';
import { ownPath } from './own.ts';
import { pathText } from './picture.tsx';
import { activePath, type Connection, ordered, type State } from './store.ts';
import { LastVerdict } from './verdict.tsx';

export function ConnectionPanel({ engine }: { engine: CallEngine }) {
  const live = ownPath(engine);
  const control = useMemo(() => createTimeControl(live.now), [live]);
  const tick = useSignal(0);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const timer = setInterval(() => tick.value++, 1000);
    return () => clearInterval(timer);
  }, []);
  tick.value; // "3 s ago" goes on when nothing else happens

  const state = live.state.value;
  const call = engine.state.value;
  const connection = current(state, call.connection);
  if (!connection) {
    return (
      <div class="d-panel">
        <p class="d-muted d-wait">Waiting for the server to tell about this connection…</p>
      </div>
    );
  }
  const link = call.link ?? undefined;
  const s = connection.snapshot;
  const path = activePath(s);
  const tcp = s.transport === 'websocket';
  const title = (network: string) => networkTitle(network, link);
  const part = { state, connection, link, control, now: live.now };
  return (
    <div class="d-panel" ref={root} data-connection={s.id}>
      <NewsLine {...part} you="You" />
      <div class="d-box d-own">
        <div class="d-own-row">
          <LastVerdict verdict={s.verdict} />
          {path?.network && <NetworkChip network={path.network} title={title(path.network)} />}
          {link?.emulated && (
            <Chip data-hint="The networks of the lab are emulated by the server. Your browser’s QUIC, its encryption and the path validation are real.">
              emulated networks
            </Chip>
          )}
        </div>
        <p data-testid="current-path" data-network={path?.network ?? ''} class="d-mono">
          {pathText(connection)}
        </p>
        <p>
          <span class="d-muted">{tcp ? 'TCP connection' : 'connection ID'}</span>{' '}
          <span
            class="d-mono"
            data-testid="connection-id"
            data-connection-id={s.id}
            tabIndex={0}
            data-hint={
              tcp
                ? `The server's name for this connection, ${s.id}. A TCP connection is known by its addresses; when one of them changes, it ends.`
                : `The original destination connection ID, ${s.id}: it names this connection, whatever its addresses become.`
            }
          >
            {shorten(s.id, 24)}
          </span>
        </p>
        <Numbers connection={connection} />
      </div>
      <PictureSection {...part} narrow />
      {s.report && <ReportSection {...part} />}
      <TimeSection {...part} narrow big={false} charts={false} maxPaths={3} />
      <IDsSection connection={connection} />
      <EventLog
        state={state}
        connection={s.id}
        own
        narrow
        title={title}
        onShow={(event) => showEvent(control, event)}
      />
      <Hints />
    </div>
  );
}

/** The connection that the call runs on now; while that is not known, the newest that was heard of. */
export function current(state: State, id: string): Connection | undefined {
  return state.connections.get(id) ?? ordered(state)[0];
}
