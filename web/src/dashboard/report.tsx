// What a handover cost: in plain words first, then in numbers.

import type { HandoverDirection, HandoverReport } from '../protocol/messages.gen.ts';
import { NetworkChip } from '../ui/chip.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { directionWords, freezeAt, summary, type Tone } from './report-words.ts';
import { clockText, msText, parseTime, roundMs } from './time.ts';
import { VerdictChip } from './verdict.tsx';

const icons: Record<Tone, IconName> = { good: 'check', fair: 'info', bad: 'warning', unknown: 'info' };

export interface ReportProps {
  report: HandoverReport;
  name: string;
  title: (network: string) => string;
  /** Names of participants by their ID, for those who did not answer. */
  nameOf: (participant: string) => string;
  /** Where it stands as a page to print. */
  page?: string;
}

export function Report({ report, name, title, nameOf, page }: ReportProps) {
  const s = summary(report);
  const missing = report.missing ?? [];
  return (
    <section
      class={`d-report tone-${s.tone}`}
      data-testid="handover-report"
      data-verdict={report.verdict}
      aria-label="Handover report"
    >
      <header>
        <span class="d-report-icon">
          <Icon name={icons[s.tone]} />
        </span>
        <div>
          <h3>{s.headline}</h3>
          <p>{s.detail}</p>
        </div>
      </header>
      <p class="d-report-way">
        <VerdictChip verdict={report.verdict} />
        <End network={report.from.network} address={report.from.remote} title={title} />
        <span role="img" aria-label="to">
          →
        </span>
        <End network={report.to.network} address={report.to.remote} title={title} />
        <span class="d-muted">{clockText(parseTime(report.switched))}</span>
      </p>
      {report.response_ms > 0 && (
        <p>
          PATH_CHALLENGE answered after <b>{msText(report.response_ms)}</b>; moved{' '}
          <b>{msText(parseTime(report.switched) - parseTime(report.started))}</b> after the first packet from
          the new address.
        </p>
      )}
      {report.phases && (
        <p>
          Silence <b>{roundMs(report.phases.silence_ms)}</b>, handshake{' '}
          <b>{roundMs(report.phases.handshake_ms)}</b>, first frame{' '}
          <b>{roundMs(report.phases.first_frame_ms)}</b>.
        </p>
      )}
      <Direction label={`What ${name} saw and heard`} d={report.down} />
      <Direction
        label={
          report.up.at_arrival
            ? `What arrived from ${name} at the server`
            : `What the others saw and heard of ${name}`
        }
        d={report.up}
      />
      {missing.length > 0 && <p class="d-muted">Did not answer in time: {missing.map(nameOf).join(', ')}.</p>}
      {page && (
        <p>
          <a href={page} data-testid="report-page">
            As a page to print
          </a>
        </p>
      )}
    </section>
  );
}

function End({
  network,
  address,
  title,
}: {
  network: string | undefined;
  address: string;
  title: (n: string) => string;
}) {
  return network ? (
    <NetworkChip network={network} title={title(network)} data-hint={address} tabIndex={0} />
  ) : (
    <span class="d-mono">{address}</span>
  );
}

/** The gap as a bar against the length from which on it would be a freeze. */
function Direction({ label, d }: { label: string; d: HandoverDirection }) {
  const limit = freezeAt(d.frame_ms);
  const full = Math.max(limit * 1.5, d.longest_gap_ms);
  const share = (ms: number) => `${Math.min(100, (ms / full) * 100)}%`;
  const inside = d.longest_gap_ms > full * 0.22;
  return (
    <div class="d-direction">
      <h4>
        {label}
        {d.receivers > 1 && <span class="d-muted"> · worst of {d.receivers}</span>}
      </h4>
      {d.measured && d.longest_gap_ms > 0 && (
        <div
          class="d-gapbar"
          role="img"
          aria-label={`Longest gap ${roundMs(d.longest_gap_ms)}; normal ${roundMs(d.frame_ms)}; a freeze starts at ${roundMs(limit)}`}
        >
          <span class={d.frozen ? 'gap frozen' : 'gap'} style={{ width: share(d.longest_gap_ms) }}>
            {inside && <b>{roundMs(d.longest_gap_ms)}</b>}
          </span>
          {!inside && <b style={{ left: share(d.longest_gap_ms) }}>{roundMs(d.longest_gap_ms)}</b>}
          <span class="limit" style={{ left: share(limit) }}>
            {d.longest_gap_ms < limit * 1.1 && <i>freeze {roundMs(limit)}</i>}
          </span>
        </div>
      )}
      <p>{directionWords(d)}</p>
    </div>
  );
}
