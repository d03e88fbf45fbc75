// Step 5: the walk from Wi-Fi to cellular in a call.

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { CallEngine } from '../../../call/types.ts';
import { ReportSection, TimeSection } from '../../../dashboard/detail.tsx';
import { s9000 } from '../../../dashboard/explain.ts';
import { Button } from '../../../ui/button.tsx';
import { lastChange } from '../changes.ts';
import { AddressChange, NothingYet } from '../parts.tsx';
import type { Step } from '../step.ts';
import { Switch } from '../switch.tsx';

/** Until somebody sends, there is only one direction to report on. It is sent while this is shown, and with a picture of what is sent. */
function SendToo({ engine }: { engine: CallEngine }) {
  const on = useComputed(() => engine.state.value.local.camera).value;
  const there = useComputed(() => engine.state.value.local.cameraAvailable).value;
  const notice = useComputed(() => engine.state.value.notice).value;
  const opening = useSignal(false);
  useEffect(() => {
    opening.value = false; // it is open, or the notice says why not
  }, [on, notice, opening]);
  useEffect(() => () => engine.setCamera(false), [engine]);
  if (!there) return null;
  const press = () => {
    opening.value = !on;
    engine.setCamera(!on);
  };
  return (
    <div class="lesson-switch">
      <Button
        variant="outline"
        icon={on ? 'camera-off' : 'camera'}
        data-testid="lesson-camera"
        aria-pressed={on}
        disabled={opening.value}
        onClick={press}
      >
        {on ? 'Stop my camera' : opening.value ? 'Opening the camera…' : 'Send my camera, too'}
      </Button>
      {on && <SelfView engine={engine} />}
      <p>
        {on
          ? 'The report has both directions now. Nobody sees you: the server’s test participant only notes when your frames arrive.'
          : 'Then the report has both directions.'}
      </p>
    </div>
  );
}

/** What is sent, mirrored as people know themselves. */
function SelfView({ engine }: { engine: CallEngine }) {
  const video = useRef<HTMLVideoElement>(null);
  useSignalEffect(() => {
    if (video.current) video.current.srcObject = engine.preview.value;
  });
  return (
    <video
      ref={video}
      class="lesson-self mirrored"
      data-testid="lesson-self"
      aria-label="The picture that you send"
      autoPlay
      muted
      playsInline
    />
  );
}

export const walk: Step = {
  title: 'The walk from Wi-Fi to cellular',
  question: {
    text: 'In mid-sentence you walk out of range of the Wi-Fi. What harms the picture most?',
    answers: [
      {
        text: 'The moment in which the address changes.',
        why: 'It costs about two round trips, in which what is sent to the old address is lost. That is short.',
      },
      {
        text: 'The last seconds on the Wi-Fi that is fading.',
        why: 'The connection is still on a path that loses more and more, and nothing has told it to leave.',
        right: true,
      },
      {
        text: 'That the way over cellular is longer.',
        why: 'It delays every frame by about the same. What comes later, but evenly, does not freeze.',
      },
    ],
  },
  Try: ({ engine }) => (
    <>
      <p>
        Walk, and keep an eye on the picture and on the two numbers under it. The walk takes four seconds; the
        server’s report comes some seconds after it.
      </p>
      <div class="lesson-tries">
        <Switch engine={engine} style="walk" />
        <SendToo engine={engine} />
      </div>
    </>
  ),
  Evidence: ({ part, narrow }) => {
    if (!part) return <NothingYet>The server has not told about your connection yet.</NothingYet>;
    const change = lastChange(part.connection.events);
    return (
      <>
        {change && <AddressChange change={change} link={part.link} />}
        <ReportSection {...part} />
        <TimeSection {...part} narrow={narrow} big={false} charts maxPaths={3} />
      </>
    );
  },
  Explanation: () => (
    <>
      <p>
        A radio does not end, it fades. While the loss climbs, QUIC sends again what was lost on a stream,
        which takes time; sound goes in DATAGRAM frames, which are not repeated, so each of its packets
        carries the one before it once more. And congestion control takes loss for congestion and sends less.
      </p>
      <p>
        <b>When to move is the client’s decision</b>, and QUIC says nothing about how to make it. A client
        that sees its radio fade does best to probe the other path early and to leave before the first one is
        dead; this is what active migration is good for. Your browser is told nothing by the lab: it stays
        until nothing passes, its packets then come over the other network, and the server, seeing the new
        address, asks and follows. The verdict is <b>rebound</b>. If the silence before was so long that this
        page gave the connection up, it is <b>resumed</b>: a new connection, the same participant.
      </p>
      <p>
        On the new path the server begins anew with round-trip time and congestion window: what was learned of
        the Wi-Fi is not true of cellular. Your browser noticed nothing and keeps its own; this page lowers
        the rate of its picture itself. The report asks both ends what they saw: the longest gap between two
        frames, and the sound that had to be made up. It looks at the moment of the change; the number of
        seconds frozen under your picture counts the whole walk.
      </p>
    </>
  ),
  sources: [
    s9000('9.3', 'the server follows'),
    s9000('9.4', 'loss detection and congestion control afterwards'),
    { rfc: 9221, section: '5', about: 'datagrams are not repeated' },
    { rfc: 9002, section: '7', about: 'congestion control' },
  ],
};
