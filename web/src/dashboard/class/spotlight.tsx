// One participant so large that the last row can read it. It stays with the participant when another connection takes over.

import type { HandoverDirection } from '../../protocol/messages.gen.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icons.tsx';
import { networkColours, networkIcon } from '../../ui/networks.ts';
import { NewsLine, type PartProps, PictureSection } from '../detail.tsx';
import { verdictWords } from '../explain.ts';
import type { Link } from '../links.ts';
import { pathText } from '../picture.tsx';
import { freezeAt } from '../report-words.ts';
import { roundMs } from '../time.ts';
import { verdictIcons } from '../verdict.tsx';
import { type Change, lastChange, type Seat } from './seats.ts';

export interface SpotlightProps extends PartProps {
  seat: Seat;
  link: Link | undefined;
  narrow: boolean;
  /** Switches this participant to a network, after the countdown. */
  onSwitch(network: string): void;
  onBack(): void;
}

export function Spotlight({ seat, narrow, onSwitch, onBack, ...part }: SpotlightProps) {
  const { connection, link, now } = part;
  const s = connection.snapshot;
  const change = lastChange(connection, now());
  const name = s.name || 'The participant';
  const arrived = change?.report?.up.at_arrival === true && change.report.up.receivers === 0;
  return (
    <section
      class="k-spotlight"
      data-testid="spotlight"
      data-participant={seat.participant}
      data-connection={connection.id}
      data-verdict={change?.verdict ?? ''}
      aria-label={`${name}, large`}
    >
      <header>
        <Button icon="chevron-left" variant="outline" data-testid="spotlight-back" onClick={onBack}>
          Class <kbd>Esc</kbd>
        </Button>
        <h2>{name}</h2>
        <span class="d-muted">
          {s.room ? `in ${s.room}` : ''}
          {seat.presence === 'here'
            ? ''
            : seat.presence === 'away'
              ? ' · lost, the server waits'
              : ' · dropped'}
        </span>
        <span class="d-grow" />
        {seat.presence === 'here' &&
          link?.networks.map((n) => {
            const { colour, soft } = networkColours(n.name);
            const on = link.active === n.name;
            return (
              <button
                key={n.name}
                type="button"
                class="btn outline k-to"
                data-testid={`network-${n.name}`}
                aria-pressed={on}
                disabled={on}
                style={{ '--chip': colour, '--chip-soft': soft }}
                onClick={() => onSwitch(n.name)}
              >
                <Icon name={networkIcon(n.name)} /> {n.title || n.name}
              </button>
            );
          })}
        <a class="btn outline" href={`/report/${connection.id}`} data-testid="to-report">
          <Icon name="external" /> Report
        </a>
      </header>
      <NewsLine {...part} you={name} />
      <PictureSection {...part} narrow={narrow} />
      <div class="k-spot-facts">
        <Verdict change={change} />
        <Figure label={`${name} saw and heard`} d={change?.report?.down} pending={change?.pending ?? false} />
        <Figure
          label={arrived ? `Arrived of ${name} at the server` : `Others saw and heard of ${name}`}
          d={change?.report?.up}
          pending={change?.pending ?? false}
        />
      </div>
      <p class="k-spot-path d-mono" data-testid="spotlight-path">
        {pathText(connection)}
      </p>
    </section>
  );
}

function Verdict({ change }: { change: Change | null }) {
  if (!change) return <p class="k-spot-verdict none">no change yet</p>;
  return (
    <div
      class="k-spot-verdict"
      style={{
        color: `var(--verdict-${change.verdict})`,
        background: `var(--verdict-${change.verdict}-soft)`,
      }}
    >
      <b>
        <Icon name={verdictIcons[change.verdict]} /> {change.verdict}
      </b>
      <span>{verdictWords[change.verdict].short}</span>
    </div>
  );
}

/** One direction: the longest gap, against what would be a freeze. */
function Figure({
  label,
  d,
  pending,
}: {
  label: string;
  d: HandoverDirection | undefined;
  pending: boolean;
}) {
  const video = d?.measured && d.longest_gap_ms > 0;
  return (
    <div class={`k-figure${d?.frozen ? ' frozen' : ''}`}>
      <span class="k-figure-label">{label}</span>
      <b>{video ? roundMs(d.longest_gap_ms) : pending ? 'measuring…' : '–'}</b>
      <span class="d-muted">
        {video
          ? `${d.frozen ? 'a freeze, which starts at' : 'longest gap; a freeze starts at'} ${roundMs(freezeAt(d.frame_ms))}`
          : pending
            ? 'the receivers are being asked'
            : d?.measured
              ? 'no video'
              : 'nothing measured yet'}
        {d?.measured && !d.at_arrival && `; ${roundMs(d.concealed_ms)} of sound made up`}
      </span>
    </div>
  );
}
