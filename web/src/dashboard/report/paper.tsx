// One handover on one sheet of paper, for a class to take home: what happened, what it cost, and how each of it is known.

import type { ComponentChildren } from 'preact';
import type {
  Endpoint,
  HandoverDirection,
  HandoverReport,
  PathEventData,
} from '../../protocol/messages.gen.ts';
import { Mark } from '../../ui/icons.tsx';
import { sourceText, verdictWords } from '../explain.ts';
import { networkTitle } from '../links.ts';
import { freezeAt, summary } from '../report-words.ts';
import type { Connection } from '../store.ts';
import { clockText, msText, parseTime, roundMs } from '../time.ts';
import { stepsOf } from './drawing.ts';
import { HandoverDrawing } from './drawing.tsx';

const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long', year: 'numeric' });

export function Paper({ connection, report }: { connection: Connection; report: HandoverReport }) {
  const { snapshot, events } = connection;
  const name = snapshot.name || snapshot.participant || 'The participant';
  const said = summary(report);
  const verdict = verdictWords[report.verdict];
  const switched = parseTime(report.switched);
  const title = (network: string) => networkTitle(network, undefined);
  const emulated = snapshot.link !== undefined;
  return (
    <article
      class="r-paper"
      data-theme="light"
      data-testid="report-paper"
      data-verdict={report.verdict}
      data-connection={snapshot.id}
    >
      <header>
        <Mark size={34} />
        <div>
          <h1>Handover report</h1>
          <p>
            <b>{name}</b>
            {snapshot.room && ` in ${snapshot.room}`}, {day.format(switched)}, {clockText(switched)} (
            {Intl.DateTimeFormat().resolvedOptions().timeZone})
          </p>
        </div>
        <p class="r-id">
          connection
          <br />
          <span class="d-mono">{snapshot.id}</span>
        </p>
      </header>

      <section class={`r-verdict ${report.verdict}`}>
        <p class="r-word" data-testid="report-verdict">
          {report.verdict}
        </p>
        <div>
          <p>
            <b>
              {said.headline}. {said.detail}
            </b>
          </p>
          <p>
            {verdict.meaning}
            {verdict.sources.length > 0 && ` (${verdict.sources.map(sourceText).join(', ')})`}
          </p>
        </div>
      </section>

      <section class="r-ways">
        <Way label="From" at={report.from} title={title} emulated={emulated} />
        {report.verdict !== 'dropped' && (
          <>
            <span role="img" aria-label="to">
              →
            </span>
            <Way label="To" at={report.to} title={title} emulated={emulated} />
          </>
        )}
      </section>

      <section>
        <h2>What the server saw</h2>
        <HandoverDrawing report={report} events={events} title={title} />
        <Validation report={report} events={events} />
      </section>

      {report.verdict !== 'dropped' && (
        <section>
          <h2>What people saw and heard</h2>
          <Directions report={report} name={name} />
        </section>
      )}

      <section class="r-how">
        <h2>Where it was measured</h2>
        <p>
          Addresses, challenge, response and the switch: at the server’s QUIC, packet by packet; times are the
          server’s. Gaps, concealed sound and lost frames: where frames are shown and sound is played, at each
          receiver, from 0.5 s before the first packet of the new address until 1.5 s after the switch; where
          there are several, the worst of them. A freeze is a gap of at least three times the mean interval,
          or the mean plus 150 ms, whichever is longer.{' '}
          {emulated
            ? 'The networks were emulated by the server’s lab: their delay, loss and rate. QUIC, TLS, WebTransport and the path validation were real.'
            : 'The networks were real ones; nothing was emulated.'}
        </p>
      </section>
      <footer>
        Roamcall · {location.host}
        {location.pathname}
      </footer>
    </article>
  );
}

function Way({
  label,
  at,
  title,
  emulated,
}: {
  label: string;
  at: Endpoint;
  title: (network: string) => string;
  emulated: boolean;
}) {
  return (
    <dl class="r-way-box">
      <dt>{label}</dt>
      <dd>
        <b>{at.network ? title(at.network) : 'Network not known to the server'}</b>
        {at.network && (emulated ? ', emulated' : ', real')}
        <br />
        <span class="d-mono">{at.remote || '–'}</span> <span class="r-soft">client</span>
        <br />
        <span class="d-mono">{at.local || '–'}</span> <span class="r-soft">server</span>
      </dd>
    </dl>
  );
}

function Validation({ report, events }: { report: HandoverReport; events: readonly PathEventData[] }) {
  if (report.phases) {
    const p = report.phases;
    return (
      <p>
        Silence that the participant noticed <b>{roundMs(p.silence_ms)}</b>, handshake of the new connection{' '}
        <b>{roundMs(p.handshake_ms)}</b>, until the first frame <b>{roundMs(p.first_frame_ms)}</b>. The
        packets before and after belong to different connections, so no path was validated.
      </p>
    );
  }
  const steps = stepsOf(report, events);
  const response = steps.findLast((e) => e.type === 'path_response_received');
  const challenge = steps.findLast(
    (e) => e.type === 'path_challenge_sent' && (!response?.challenge || e.challenge === response.challenge),
  );
  if (report.response_ms <= 0) return null;
  return (
    <p data-testid="report-challenge" data-challenge={response?.challenge ?? ''}>
      {response?.challenge && challenge ? (
        <>
          PATH_CHALLENGE with the data <b class="d-mono">{response.challenge}</b> sent{' '}
          <b class="d-mono">{clockText(parseTime(challenge.time))}</b>, PATH_RESPONSE with the same data
          received <b class="d-mono">{clockText(parseTime(response.time))}</b>: answered after{' '}
          <b>{msText(report.response_ms)}</b>.
        </>
      ) : (
        <>
          PATH_CHALLENGE answered after <b>{msText(report.response_ms)}</b>.
        </>
      )}{' '}
      The server sent to the new address{' '}
      <b>{msText(parseTime(report.switched) - parseTime(report.started))}</b> after the first packet from it
      (RFC 9000 §8.2, §9.3).
    </p>
  );
}

function Directions({ report, name }: { report: HandoverReport; name: string }) {
  const { down, up } = report;
  const line = (label: string, words: (d: HandoverDirection) => ComponentChildren) => (
    <tr>
      <th scope="row">{label}</th>
      {[down, up].map((d, i) => (
        <td key={i === 0 ? 'down' : 'up'}>{d.measured ? words(d) : '–'}</td>
      ))}
    </tr>
  );
  const video = (d: HandoverDirection, ms: number) => (d.longest_gap_ms > 0 && ms > 0 ? roundMs(ms) : '–');
  const missing = report.missing?.length ?? 0;
  return (
    <>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">What {name} saw and heard</th>
            <th scope="col">
              {up.at_arrival
                ? `What arrived of ${name} at the server`
                : `What others saw and heard of ${name}`}
            </th>
          </tr>
        </thead>
        <tbody>
          {line('Longest gap between frames', (d) => (
            <b>
              {video(d, d.longest_gap_ms)}
              {d.longest_gap_ms > 0 && (d.frozen ? ', a freeze' : ', no freeze')}
            </b>
          ))}
          {line('Usual: longest just before', (d) => video(d, d.usual_gap_ms))}
          {line('Mean interval before', (d) => video(d, d.frame_ms))}
          {line('A freeze starts at', (d) => video(d, freezeAt(d.frame_ms)))}
          {line('Sound concealed', (d) => (d.at_arrival ? '–' : roundMs(d.concealed_ms)))}
          {line('Frames lost', (d) => d.frames_lost)}
          {line('Measured', measuredWhere)}
        </tbody>
      </table>
      {!down.measured && !up.measured && <p>Nobody received media in either direction.</p>}
      {missing > 0 && (
        <p>
          {missing} {missing === 1 ? 'participant' : 'participants'} did not answer in time.
        </p>
      )}
    </>
  );
}

function measuredWhere(d: HandoverDirection): string {
  if (d.receivers === 0) return 'as frames arrive at the server';
  const by = `at ${d.receivers} ${d.receivers === 1 ? 'receiver' : 'receivers'}`;
  return d.at_arrival ? `as frames arrive ${by}, which shows none` : `as frames are shown ${by}`;
}
