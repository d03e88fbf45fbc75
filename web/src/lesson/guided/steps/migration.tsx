// Step 1: what connection migration is.

import { NewsLine, PictureSection } from '../../../dashboard/detail.tsx';
import { s9000, verdictWords } from '../../../dashboard/explain.ts';
import { VerdictChip } from '../../../dashboard/verdict.tsx';
import type { Verdict } from '../../../protocol/messages.gen.ts';
import { lastChange } from '../changes.ts';
import { AddressChange, NothingYet } from '../parts.tsx';
import type { Step } from '../step.ts';
import { Switch } from '../switch.tsx';

export const migration: Step = {
  title: 'What connection migration is',
  question: {
    text: 'You are in a call and your phone goes from Wi-Fi to mobile data. From now on your packets come from another address. What becomes of the call’s QUIC connection?',
    answers: [
      {
        text: 'It ends, and a new one has to be opened.',
        why: 'That is what happens to a TCP connection. A QUIC packet carries a connection ID, so the server finds the connection although the address is new.',
      },
      {
        text: 'It goes on, once the server has checked the new address.',
        why: 'The same connection with the same keys and the same streams; only the address is another.',
        right: true,
      },
      {
        text: 'It goes on over both networks at once.',
        why: 'Not in QUIC version 1: there the data take one path at a time. Step 6 is about the other way.',
      },
    ],
  },
  Try: ({ engine }) => (
    <>
      <p>
        The picture beside this is a call that this page has joined. Change its network, and watch the picture
        and the address.
      </p>
      <Switch engine={engine} style="hard" />
    </>
  ),
  Evidence: ({ part, narrow }) => {
    if (!part) return <NothingYet>The server has not told about your connection yet.</NothingYet>;
    const change = lastChange(part.connection.events);
    return (
      <>
        <NewsLine {...part} you="You" />
        {change && <AddressChange change={change} link={part.link} />}
        <PictureSection {...part} narrow={narrow} />
      </>
    );
  },
  Explanation: () => (
    <>
      <p>
        The way between two addresses is called a <b>path</b>. When your address changes, the connection moves
        to another path: that is <b>connection migration</b>. Nothing is set up again. Keys and streams stay;
        what was on its way to the old address is lost, and sent again if it was on a stream.
      </p>
      <p>
        The server moves only after it has asked: is somebody there who can answer? The little flight in the
        picture is that question and its answer, slowed down. Step 4 looks at it closely.
      </p>
      <p>
        What can become of a call when its network changes has four names here, from best to worst. In your
        own call you will see the second one, because a browser does not notice that the lab changed its
        address; and the third one if nothing passes for so long that this page gives the connection up.
      </p>
      <dl class="lesson-verdicts">
        {(Object.keys(verdictWords) as Verdict[]).map((v) => (
          <div key={v}>
            <dt>
              <VerdictChip verdict={v} />
            </dt>
            <dd>{verdictWords[v].short}</dd>
          </div>
        ))}
      </dl>
      <p>
        What is emulated: the networks, with their delay, jitter, loss and rate. What is real: your browser’s
        QUIC, its encryption, the change of the address that the server sees, and the check of the new one.
      </p>
    </>
  ),
  sources: [s9000('9', 'connection migration'), s9000('9.3', 'responding to connection migration')],
};
