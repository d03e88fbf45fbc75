// Under the picture: by which network, address and name the server knows this page's call at the moment.

import { useComputed } from '@preact/signals';
import type { CallEngine } from '../../call/types.ts';
import { networkTitle } from '../../dashboard/links.ts';
import { ownPath } from '../../dashboard/own.ts';
import { current } from '../../dashboard/panel.tsx';
import { activePath } from '../../dashboard/store.ts';
import { LastVerdict } from '../../dashboard/verdict.tsx';
import { NetworkChip } from '../../ui/chip.tsx';
import { destination } from './changes.ts';

export function CallFacts({ engine }: { engine: CallEngine }) {
  const live = ownPath(engine);
  const name = useComputed(() => engine.state.value.connection).value;
  const link = useComputed(() => engine.state.value.link).value ?? undefined;
  const connection = current(live.state.value, name);
  if (!connection) return null;
  const { snapshot, events } = connection;
  const path = activePath(snapshot);
  const tcp = snapshot.transport === 'websocket';
  const id = destination(events);
  return (
    <dl class="lesson-facts" data-connection={snapshot.id}>
      <div>
        <dt>Network</dt>
        <dd>
          {path?.network ? (
            <NetworkChip network={path.network} title={networkTitle(path.network, link)} />
          ) : (
            'not known'
          )}
        </dd>
      </div>
      <div>
        <dt>Your address, as the server sees it</dt>
        <dd class="d-mono" data-testid="current-path" data-network={path?.network ?? ''}>
          {path?.remote ?? '–'}
        </dd>
      </div>
      <div>
        <dt>{tcp ? 'Connection' : 'Connection ID on your packets'}</dt>
        <dd class="d-mono">{tcp ? 'TCP, which has no ID' : id ? id.id || 'empty' : '–'}</dd>
      </div>
      <div>
        <dt>Last change</dt>
        <dd>
          <LastVerdict verdict={snapshot.verdict} />
        </dd>
      </div>
    </dl>
  );
}
