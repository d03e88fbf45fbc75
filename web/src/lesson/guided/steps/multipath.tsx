// Step 6: migration against several paths at once, and when to use which.

import { PictureSection } from '../../../dashboard/detail.tsx';
import { s9000 } from '../../../dashboard/explain.ts';
import { formatRate } from '../../../ui/format.ts';
import { NothingYet } from '../parts.tsx';
import type { Step, StepProps } from '../step.ts';
import { Switch } from '../switch.tsx';

/** What the call costs on one path, measured, and what it would on two. */
function Cost({ part }: Pick<StepProps, 'part'>) {
  const sample = part?.connection.sample;
  if (!sample) return null;
  const rate = sample.send_bps + sample.recv_bps;
  return (
    <dl class="lesson-cost" data-testid="lesson-cost" data-bps={Math.round(rate)}>
      <div>
        <dt>your call now, both directions, over one path</dt>
        <dd>{formatRate(rate)}</dd>
      </div>
      <div>
        <dt>every packet on both paths would be (twice that, calculated)</dt>
        <dd>{formatRate(2 * rate)}</dd>
      </div>
    </dl>
  );
}

export const multipath: Step = {
  title: 'One path or several at once?',
  question: {
    text: 'A network dies without any warning. Which way need not lose a single packet?',
    answers: [
      {
        text: 'Migration: the connection moves to the other network.',
        why: 'It keeps the connection, but what was on its way to the old address is lost, and until the new path is validated more goes there.',
      },
      {
        text: 'Two paths at once, with every packet on both.',
        why: 'The copy on the other path arrives. The price is paid all the time: twice the bytes, and two networks that both work.',
        right: true,
      },
      {
        text: 'TCP that reconnects quickly.',
        why: 'It has to notice, connect, shake hands and find its place again. What was under way is lost with the connection.',
      },
    ],
  },
  Try: ({ engine }) => (
    <>
      <p>
        Change the network once more, this time with the new one up before the old one goes. In the picture
        only one path is in use at any time: that is QUIC version 1.
      </p>
      <Switch engine={engine} style="soft" />
    </>
  ),
  Evidence: ({ part, narrow }) =>
    part ? (
      <>
        <Cost part={part} />
        <PictureSection {...part} narrow={narrow} />
      </>
    ) : (
      <NothingYet>The server has not told about your connection yet.</NothingYet>
    ),
  Explanation: () => (
    <>
      <div class="lesson-table">
        <table>
          <thead>
            <tr>
              <th scope="col" />
              <th scope="col">Migration</th>
              <th scope="col">Several paths at once</th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">Where it is written</th>
              <td>in QUIC version 1, RFC 9000</td>
              <td>
                in an extension,{' '}
                <a
                  href="https://datatracker.ietf.org/doc/draft-ietf-quic-multipath/"
                  target="_blank"
                  rel="noreferrer"
                >
                  draft-ietf-quic-multipath
                </a>
                , that both ends must offer
              </td>
            </tr>
            <tr>
              <th scope="row">Data</th>
              <td>take one path; others can be probed and kept ready</td>
              <td>may take all; the sender decides what goes where</td>
            </tr>
            <tr>
              <th scope="row">If a network dies</th>
              <td>a gap of a few round trips, once it is noticed</td>
              <td>
                none for what was sent on both; less for the rest, because the other path is in use already
              </td>
            </tr>
            <tr>
              <th scope="row">Bytes</th>
              <td>once</td>
              <td>once if the paths share the work; twice if every packet goes on both</td>
            </tr>
            <tr>
              <th scope="row">Good for</th>
              <td>calls and downloads on the move, and whoever pays for mobile data</td>
              <td>
                more speed from two networks, or what must not miss anything: a remote control, a live
                broadcast
              </td>
            </tr>
          </tbody>
        </table>
      </div>
      <p>
        So migration is a <b>fallback</b>: cheap, and there is a gap. Several paths at once are{' '}
        <b>insurance</b> or <b>speed</b>, and have a price. With the extension each path has its own packet
        numbers, round-trip time and congestion window. To send everything twice is one choice of the sender
        among others.
      </p>
      <p class="lesson-fine">
        In version 1 only clients start a migration. A server can forbid it for the address of the handshake
        (disable_active_migration), and can offer another address of its own (preferred_address). No browser
        offers Multipath QUIC to pages; the experiment on the next page therefore opens two sessions and sends
        everything on both, and says so.
      </p>
      <p>
        <a class="btn outline" href="/lesson/compare">
          Measure all three side by side
        </a>
      </p>
    </>
  ),
  sources: [
    s9000('9', 'what version 1 has: only clients migrate'),
    s9000('9.1', 'probing a new path'),
    s9000('9.6', 'preferred address'),
  ],
};
