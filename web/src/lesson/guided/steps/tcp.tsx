// Step 2: why TCP cannot. What names a connection of each kind, as the server sees it.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { api } from '../../../api.ts';
import { s9000 } from '../../../dashboard/explain.ts';
import { activePath } from '../../../dashboard/store.ts';
import { Button } from '../../../ui/button.tsx';
import { destination, lastChange } from '../changes.ts';
import { NothingYet } from '../parts.tsx';
import type { Step, StepProps } from '../step.ts';
import { Switch } from '../switch.tsx';

/** What /api/lesson/tcp answers. */
interface TCPName {
  local: string;
  remote: string;
}

// The page has its HTTP connections once, so these are theirs.
const now = signal<TCPName | null>(null);
const ended = signal<TCPName | null>(null);
const problem = signal('');

async function ask(method: 'GET' | 'POST'): Promise<TCPName | null> {
  try {
    problem.value = '';
    return await api<TCPName>('/api/lesson/tcp', { method });
  } catch (error) {
    problem.value = error instanceof Error ? error.message : 'The server cannot be reached.';
    return null;
  }
}

/** Ends the connection that the request happens to take, and looks at the one that comes next. */
async function again(): Promise<void> {
  ended.value = await ask('POST');
  now.value = await ask('GET');
}

function Names({ part }: StepProps) {
  useEffect(() => {
    // Again each time: the browser may have ended the connection meanwhile, or taken another.
    void ask('GET').then((name) => {
      now.value = name;
    });
  }, []);
  const name = now.value;
  const before = ended.value;
  const events = part?.connection.events ?? [];
  const path = part && activePath(part.connection.snapshot);
  const quic = part?.connection.snapshot.transport === 'webtransport';
  const change = lastChange(events);
  const id = destination(events);
  return (
    <div class="lesson-names">
      <section class="d-box" aria-labelledby="names-tcp" data-testid="lesson-tcp" data-remote={name?.remote}>
        <h4 id="names-tcp">TCP: this page’s own HTTP connection</h4>
        {name ? (
          <>
            <dl>
              <End label="your end" now={name.remote} was={before?.remote} />
              <End label="the server’s end" now={name.local} />
            </dl>
            <p>
              <b>Its name:</b> these two addresses and two ports.{' '}
              {before &&
                (before.remote === name.remote
                  ? 'The same as before: the new connection got the same port, or the old one did not end. Try again.'
                  : 'This is another connection; perhaps your browser had it open already. Nothing in TCP tells the server that both are yours.')}
            </p>
          </>
        ) : (
          <p class="d-muted">{problem.value || 'Asking the server…'}</p>
        )}
      </section>
      <section
        class="d-box"
        aria-labelledby="names-quic"
        data-testid="lesson-quic"
        data-remote={path?.remote}
      >
        <h4 id="names-quic">{quic || !part ? 'QUIC: your call' : 'Your call, which goes over TCP'}</h4>
        {path ? (
          <>
            <dl>
              <End
                label="your end"
                now={path.remote}
                was={quic ? change?.switched.from?.remote : undefined}
              />
              <End label="the server’s end" now={path.local} />
              {id && <End label="connection ID on your packets" now={id.id} />}
            </dl>
            {id && (
              <p>
                <b>Its name:</b> the connection ID.{' '}
                {change && 'Your address has changed. It is the same connection.'}
              </p>
            )}
          </>
        ) : (
          <NothingYet>The server has not told about your connection yet.</NothingYet>
        )}
      </section>
    </div>
  );
}

function End({ label, now, was }: { label: string; now: string; was?: string | undefined }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd class="d-mono">
        {was && was !== now && (
          <>
            <del>{was}</del>{' '}
          </>
        )}
        {now}
      </dd>
    </div>
  );
}

export const tcp: Step = {
  title: 'Why TCP cannot do it',
  question: {
    text: 'By what does a server know to which TCP connection a packet belongs?',
    answers: [
      {
        text: 'By the addresses and the ports of both ends.',
        why: 'By these four and nothing else. Change one, and the packet belongs to no connection that the server knows.',
        right: true,
      },
      {
        text: 'By a number that both ends agreed on when they connected.',
        why: 'The numbers that they agree on count bytes. They put what comes in order within a connection; which connection it is they do not say.',
      },
      {
        text: 'By a cookie or a login.',
        why: 'These belong to the application above. They can tie a new connection to the same person, after the old one is lost.',
      },
    ],
  },
  Try: ({ engine }) => (
    <>
      <p>
        End a TCP connection of this page: the next request needs a new one, and you see its name. Then change
        the network of your call, and see what stays.
      </p>
      <div class="lesson-tries">
        <Button
          size="large"
          variant="outline"
          icon="swap"
          data-testid="lesson-tcp-again"
          onClick={() => void again()}
        >
          End the TCP connection
        </Button>
        <Switch engine={engine} style="hard" />
      </div>
    </>
  ),
  Evidence: Names,
  Explanation: () => (
    <>
      <p>
        A TCP connection is identified by its two ends, each an address and a port. When your phone gets
        another address, packets from there would name a connection that does not exist; the old one waits for
        packets that no longer come. What is left is to open a new connection, with all its handshakes, and to
        let the application find the place where it was. Over TCP this program does just that; it is called{' '}
        <b>resumed</b>, and it is not a migration.
      </p>
      <p>
        A QUIC packet carries a name of the connection itself, the <b>destination connection ID</b>. The
        server looks the connection up by it, wherever the packet comes from.
      </p>
      <p>
        What can be lost with a change of address is therefore little: what was on its way to the old one.
        With TCP it is the connection.
      </p>
      <p class="lesson-fine">
        Two fine points. An end may choose IDs of zero length: Chromium does, and is found by its address and
        port alone, since each of its sockets serves one connection. The ID that lets <i>you</i> move is the
        one on the packets to the server. And there is Multipath TCP (RFC 8684), an extension that gives a
        connection a token, with which further pairs of addresses can join; plain TCP has none.
      </p>
      <p>
        <a class="btn outline" href="/lesson/compare">
          See QUIC, TCP and two paths at once side by side
        </a>
      </p>
    </>
  ),
  sources: [
    { rfc: 9293, section: '4', about: 'what identifies a TCP connection' },
    s9000('5.1', 'connection IDs'),
    s9000('9', 'connection migration'),
  ],
};
