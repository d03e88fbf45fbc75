// What is measured of somebody, over their picture.

import { useComputed } from '@preact/signals';
import { facts } from './facts.ts';
import type { CallEngine, Remote } from './types.ts';

export function TileFacts({ engine, remote }: { engine: CallEngine; remote: Remote }) {
  const transport = useComputed(() => engine.state.value.transport);
  return (
    <dl class="tile-facts" data-testid="tile-facts" data-participant={remote.id}>
      {facts(remote, transport.value).map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
