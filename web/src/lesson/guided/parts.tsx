// What several steps show.

import type { ComponentChildren } from 'preact';
import type { PartProps } from '../../dashboard/detail.tsx';
import { type Source, sourceText, sourceURL } from '../../dashboard/explain.ts';
import { networkTitle } from '../../dashboard/links.ts';
import { VerdictChip } from '../../dashboard/verdict.tsx';
import type { ConnectionIDInfo } from '../../protocol/messages.gen.ts';
import { NetworkChip } from '../../ui/chip.tsx';
import type { Change } from './changes.ts';

/** Says that there is nothing to see yet, and what would change that. */
export function NothingYet({ children }: { children: ComponentChildren }) {
  return <p class="lesson-nothing">{children}</p>;
}

export function Sources({ sources }: { sources: readonly Source[] }) {
  return (
    <p class="lesson-sources">
      <span>To read: </span>
      {sources.map((s, i) => (
        <span key={`${s.rfc} ${s.section}`}>
          {i > 0 && ' · '}
          <a href={sourceURL(s)} target="_blank" rel="noreferrer">
            {sourceText(s)}
          </a>{' '}
          {s.about}
        </span>
      ))}
    </p>
  );
}

/** Where the server saw the client before a change, and where after it. */
export function AddressChange({ change, link }: { change: Change; link: PartProps['link'] }) {
  const { switched } = change;
  const end = (network: string | undefined, remote: string | undefined) => (
    <>
      {network && <NetworkChip network={network} title={networkTitle(network, link)} />}
      <span class="d-mono">{remote ?? '?'}</span>
    </>
  );
  return (
    <p
      class="lesson-way"
      data-testid="lesson-change"
      data-from={switched.from?.remote}
      data-to={switched.remote}
      data-verdict={switched.verdict}
    >
      {end(switched.from?.network, switched.from?.remote)}
      <span role="img" aria-label="to">
        →
      </span>
      {end(switched.network, switched.remote)}
      {switched.verdict && <VerdictChip verdict={switched.verdict} />}
    </p>
  );
}

/** The destination connection ID of the client's packets before a change and after it. */
export function IDChange({ change }: { change: Change }) {
  const { before, after } = change;
  if (!before || !after) return null;
  const same = before.id === after.id;
  return (
    <div
      class={`lesson-ids ${same ? 'same' : 'other'}`}
      data-testid="lesson-ids"
      data-before={before.id}
      data-after={after.id}
    >
      <h5>Connection ID on packets to the server: {same ? 'the same' : 'another'}</h5>
      <dl>
        <ID label="before" id={before} />
        <ID label="after" id={after} />
      </dl>
    </div>
  );
}

function ID({ label, id }: { label: string; id: ConnectionIDInfo }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <span class="d-mono">{id.id || 'empty'}</span> <small>no. {id.sequence}</small>
      </dd>
    </div>
  );
}
