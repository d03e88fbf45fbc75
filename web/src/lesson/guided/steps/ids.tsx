// Step 3: connection IDs, and when they change. What a browser's connection shows, beside what a client shows that migrates on purpose.

import { useMemo } from 'preact/hooks';
import { createTimeControl } from '../../../dashboard/controller.ts';
import { IDsSection, type PartProps, PictureSection } from '../../../dashboard/detail.tsx';
import { s9000 } from '../../../dashboard/explain.ts';
import { networkTitle } from '../../../dashboard/links.ts';
import { EventLog } from '../../../dashboard/log.tsx';
import { Button } from '../../../ui/button.tsx';
import { lastChange } from '../changes.ts';
import type { Experiment } from '../experiment.ts';
import { AddressChange, IDChange, NothingYet } from '../parts.tsx';
import type { Step } from '../step.ts';
import { Switch } from '../switch.tsx';

/** One connection: what changed, the paths, the IDs, and in the end every event. */
function Column({ part, part: { connection, state, link } }: { part: PartProps }) {
  const change = lastChange(connection.events);
  return (
    <>
      {change && (
        <>
          <AddressChange change={change} link={link} />
          <IDChange change={change} />
        </>
      )}
      <PictureSection {...part} narrow />
      <IDsSection connection={connection} />
      <details class="lesson-events">
        <summary>Every event of this connection</summary>
        <EventLog
          state={state}
          connection={connection.id}
          own
          narrow
          title={(network) => networkTitle(network, link)}
        />
      </details>
    </>
  );
}

function Migrated({ experiment }: { experiment: Experiment }) {
  const { live, connection, running, problem } = experiment;
  const control = useMemo(() => createTimeControl(live.now), [live]);
  const state = live.state.value;
  const found = state.connections.get(connection.value);
  return (
    <section
      class="lesson-column"
      aria-labelledby="ids-migrated"
      data-testid="lesson-experiment"
      data-connection={connection}
    >
      <h4 id="ids-migrated">A client that migrates on purpose</h4>
      <div role="status">
        {running.value && (
          <p class="lesson-nothing">The client joins, sends, probes a second path, moves: some seconds…</p>
        )}
        {problem.value && <p class="note bad">{problem}</p>}
      </div>
      {found ? (
        <Column part={{ state, connection: found, link: undefined, control, now: live.now }} />
      ) : (
        !running.value && <NothingYet>Let it migrate, and what the server saw is shown here.</NothingYet>
      )}
    </section>
  );
}

export const ids: Step = {
  title: 'Connection IDs, and when they change',
  question: {
    text: 'A client moves from Wi-Fi to cellular on purpose. Which connection ID do its packets carry afterwards?',
    answers: [
      {
        text: 'The same one: that is how the server recognises it.',
        why: 'A common error. The ID stays only if the address changes without the client knowing. Who moves on purpose takes another.',
      },
      {
        text: 'Another one, which the server had given it before.',
        why: 'The server gives out spare IDs ahead of time, encrypted. So it knows that they belong together, and nobody else does.',
        right: true,
      },
      {
        text: 'None that can be seen: QUIC is encrypted.',
        why: 'The ID stands in the clear in the header of every packet to the server. The server needs it to find the keys.',
      },
    ],
  },
  Try: ({ engine, experiment }) => (
    <>
      <p>
        Change the network of your own call: the lab changes your address as a NAT does, and your browser does
        not know. Then let a client migrate that does know. No page can make its browser do that, so the
        server starts a client of its own: real QUIC, from one address of the server’s machine to another.
      </p>
      <div class="lesson-tries">
        <Switch engine={engine} style="soft" />
        <Button
          size="large"
          variant="primary"
          icon="route"
          data-testid="lesson-migrate"
          disabled={experiment.running.value}
          onClick={experiment.run}
        >
          {experiment.running.value ? 'It migrates…' : 'Let a client migrate'}
        </Button>
      </div>
    </>
  ),
  Evidence: ({ part, experiment }) => (
    <div class="lesson-pair">
      <section class="lesson-column" aria-labelledby="ids-own">
        <h4 id="ids-own">Your call</h4>
        {part ? (
          <Column part={part} />
        ) : (
          <NothingYet>The server has not told about your connection yet.</NothingYet>
        )}
      </section>
      <Migrated experiment={experiment} />
    </div>
  ),
  Explanation: () => (
    <>
      <p>
        Connection IDs can be read by everybody who sees the packets. Somebody who watches both networks, and
        meets the same ID here and there, knows that both addresses are one person’s. This is called{' '}
        <b>linkability</b>. RFC 9000 therefore forbids to send with the same ID from more than one local
        address.
      </p>
      <p>
        So each end gives the other spare IDs in good time, in encrypted NEW_CONNECTION_ID frames. A client
        that migrates probes the new path with a fresh one, goes on with it there, and retires the old one.
        The verdict is <b>migrated</b>.
      </p>
      <p>
        A NAT that gives out another port, or the lab here, changes the address behind the client’s back. The
        client sees nothing and goes on with the same ID, which is what keeps the call. The verdict is{' '}
        <b>rebound</b>. That “the connection ID never changes” is true of this case only, and means the ID on
        the client’s packets to the server.
      </p>
      <p class="lesson-fine">
        In the other direction: Chromium’s own ID has zero length, so there is nothing to change. Firefox’s
        has not: the server sends its challenge to the new address with another of Firefox’s IDs, and then
        goes on with the one that it used before, as it may where the client’s ID has stayed. And an ID alone
        hides nobody: times and sizes of packets can still give two addresses away.
      </p>
    </>
  ),
  sources: [
    s9000('5.1', 'connection IDs'),
    s9000('5.1.1', 'issuing them'),
    s9000('9.2', 'migrating'),
    s9000('9.5', 'privacy: why the ID changes'),
  ],
};
