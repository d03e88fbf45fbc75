// Step 4: path validation.

import { PictureSection } from '../../../dashboard/detail.tsx';
import { s9000 } from '../../../dashboard/explain.ts';
import { networkTitle } from '../../../dashboard/links.ts';
import { EventLog } from '../../../dashboard/log.tsx';
import { clockText, msText, parseTime } from '../../../dashboard/time.ts';
import type { PathEventData } from '../../../protocol/messages.gen.ts';
import { Icon } from '../../../ui/icons.tsx';
import { bytes, type Change, lastChange } from '../changes.ts';
import { NothingYet } from '../parts.tsx';
import type { Step } from '../step.ts';
import { Switch } from '../switch.tsx';

/** The question and the answer, and whether the bytes are the same. */
function Exchange({ change }: { change: Change }) {
  const { challenge, response } = change;
  if (!challenge) return null;
  const same = response?.challenge === challenge.challenge;
  return (
    <div class="d-box lesson-exchange">
      <Line event={challenge} name="PATH_CHALLENGE" way={`server → ${challenge.remote ?? 'new address'}`} />
      {response ? (
        <>
          <Line event={response} name="PATH_RESPONSE" way={`${response.remote ?? 'new address'} → server`} />
          <p class={same ? 'good' : 'bad'}>
            <Icon name={same ? 'check' : 'warning'} />
            {same
              ? `The same eight bytes came back after ${msText(response.response_ms ?? Number.NaN)}: the path is validated.`
              : 'These are not the bytes of this challenge.'}
          </p>
        </>
      ) : (
        <p class="d-muted">No answer yet.</p>
      )}
    </div>
  );
}

function Line({ event, name, way }: { event: PathEventData; name: string; way: string }) {
  return (
    <p
      class="lesson-frame"
      data-testid={event.type === 'path_challenge_sent' ? 'lesson-challenge' : 'lesson-response'}
      data-challenge={event.challenge}
      data-id={event.id}
    >
      <b>{name}</b>
      <span class="d-mono">{way}</span>
      <code>{bytes(event.challenge ?? '')}</code>
      <time class="d-muted">{clockText(parseTime(event.time))}</time>
    </p>
  );
}

export const validation: Step = {
  title: 'Path validation: is anybody there?',
  question: {
    text: 'A packet comes from a new address. It decrypts, so somebody made it who has the keys. Why does the server not send your picture there at once?',
    answers: [
      {
        text: 'It must check first that it is really you.',
        why: 'That the protection of the packet has shown: only you and the server have the keys. But somebody on the way may have copied your packet and sent it from there.',
      },
      {
        text: 'It must check first that you receive at that address.',
        why: 'Who made the packet is known. From where it was sent is not: the address of a sender is easily forged.',
        right: true,
      },
      {
        text: 'It must agree on new keys first.',
        why: 'Keys belong to the connection and not to an address. They stay.',
      },
    ],
  },
  Try: ({ engine }) => (
    <>
      <p>Change the network again, and look at the eight bytes that the server sends to your new address.</p>
      <Switch engine={engine} style="hard" />
    </>
  ),
  Evidence: ({ part, narrow }) => {
    if (!part) return <NothingYet>The server has not told about your connection yet.</NothingYet>;
    const { connection, state, link } = part;
    const change = lastChange(connection.events);
    return (
      <>
        {change ? (
          <Exchange change={change} />
        ) : (
          <NothingYet>
            Your connection has its first path still. Change the network to see a check.
          </NothingYet>
        )}
        <PictureSection {...part} narrow={narrow} />
        <EventLog state={state} connection={connection.id} own narrow title={(n) => networkTitle(n, link)} />
      </>
    );
  },
  Explanation: () => (
    <>
      <p>
        The server sends a PATH_CHALLENGE frame with eight bytes that nobody can guess to the new address, and
        the client must send the same eight back in a PATH_RESPONSE. If they come, what is sent to this
        address reaches the client. The path is <b>validated</b>.
      </p>
      <p>
        This is no proof of identity. Who somebody is, the encryption shows, and both frames travel under it.
        The challenge shows one thing only: <b>reachability</b>. An attacker who passes packets on in both
        directions passes the check too, and has ciphertext.
      </p>
      <p>
        Without it a copied packet and a forged address would be enough to pour your video over somebody who
        never asked for it. So RFC 9000 allows at most <b>three times</b> as many bytes to an address that is
        not validated as came from it. This server sends no media there at all: it goes on sending to the old
        address until the response has come.
      </p>
      <p>
        How long to wait for the response the sender decides. RFC 9000 recommends three times the probe
        timeout, and of two of these the larger: the current one, or that of a new path of which nothing is
        known. That is about 3 seconds here; then the dashboard says <b>failed</b>, and the connection goes on
        where it was. The QUIC library under this server has no such limit: it would still take an answer that
        comes later.
      </p>
      <p class="lesson-fine">
        To the letter: a datagram with a challenge has at least 1200 bytes, to show that the path carries
        packets of that size, unless the limit of three forbids it. The QUIC library under this server does
        not count here; it sends these challenges and nothing else. The next page counts the bytes.
      </p>
      <p>
        <a class="btn outline" href="/lesson/attack">
          See what an attacker on the path achieves
        </a>
      </p>
    </>
  ),
  sources: [
    s9000('8', 'address validation, the limit of three'),
    s9000('8.2', 'path validation'),
    s9000('8.2.4', 'how long to wait'),
    s9000('9.3.1', 'forged addresses'),
    s9000('9.3.2', 'attackers on the path'),
  ],
};
