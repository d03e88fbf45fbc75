// One lane on the screen.

import { useComputed } from '@preact/signals';
import { VerdictChip } from '../../dashboard/verdict.tsx';
import { now } from '../../media/clock.ts';
import type { Verdict } from '../../protocol/messages.gen.ts';
import { Chip, NetworkChip } from '../../ui/chip.tsx';
import { formatMs, formatSeconds } from '../../ui/format.ts';
import { Picture } from '../own-call.tsx';
import type { Audience } from './audience.ts';
import { Strip } from './strip.tsx';
import type { LaneName, LaneState } from './types.ts';
import {
  BYTES,
  BYTES_WORDS,
  ENCRYPTED,
  FREEZE_WORDS,
  LOST_WORDS,
  SHORT,
  shortBytes,
  story,
  TITLES,
} from './words.ts';

const LATELY_MS = 10_000; // before the first run

export function LaneCard({ audience, name }: { audience: Audience; name: LaneName }) {
  const lane = audience.lanes[name];
  const { title, how } = TITLES[name];
  const measured = useComputed(() => {
    lane.looks.value; // measured anew with each look at the engine
    const run = audience.current.value;
    const to = run?.to ?? now();
    return run ? lane.measure(run.from, to) : lane.lately(LATELY_MS, to);
  });
  const result = useComputed(() => audience.current.value?.result?.[name] ?? null);
  const verdict = useComputed<Verdict | ''>(() => {
    lane.looks.value;
    const run = audience.current.value;
    if (!run) return '';
    return result.value?.verdict ?? lane.verdictName(run.from);
  });
  const links = useComputed<LaneState[]>(() => {
    const c = audience.state.value;
    if (!c) return [];
    return name === 'paths' ? c.paths : [c[name]];
  });
  const m = measured.value;
  const r = result.value;
  const gap = r?.longest_gap_ms ?? m.longestGapMs;
  const frozen = r?.frozen_ms ?? m.frozenMs;
  const freezes = r?.freezes ?? m.freezes;
  const lost = r?.lost_ms ?? m.lostMs;
  const bytes = audience.bytes(name);
  const { begun } = lane;
  const tone = begun ? (freezes === 0 ? 'good' : 'bad') : '';
  const known = lane.known.value;
  const remote = useComputed(() => lane.shown?.id ?? '');
  const phase = useComputed(() => lane.engine.state.value.phase);
  const frames = useComputed(() => lane.shown?.stats.framesRendered ?? 0);
  return (
    <article
      class="lane"
      data-testid={`lane-${name}`}
      data-phase={phase.value}
      data-frames={frames.value}
      data-longest-gap-ms={Math.round(gap)}
      data-frozen-ms={Math.round(frozen)}
      data-freezes={freezes}
      data-lost-ms={Math.round(lost)}
      data-bytes={bytes}
      data-address={known.map((k) => k.address).join(' ')}
      data-identifier={known.map((k) => k.identifier).join(' ')}
      data-connection={known.map((k) => k.connection).join(' ')}
      data-verdict={verdict.value}
      aria-label={title}
    >
      <header>
        <h2>{title}</h2>
        <p>{how}</p>
      </header>
      <div class="lane-picture">
        {remote.value && <Picture key={remote.value} engine={lane.engine} id={remote.value} />}
        <Waiting audience={audience} name={name} />
        <span class="lane-verdict">
          {verdict.value ? (
            <VerdictChip verdict={verdict.value} />
          ) : (
            audience.current.value && <Chip>nothing changed</Chip>
          )}
        </span>
      </div>
      <Strip
        lane={lane}
        switchedAt={() => audience.current.value?.from ?? 0}
        label={`When frames were shown in the last 15 seconds: ${SHORT[name]}`}
      />
      <dl class="lane-numbers">
        <div class={tone} title={FREEZE_WORDS}>
          <dt>longest gap</dt>
          <dd>{begun ? formatMs(gap) : '–'}</dd>
        </div>
        <div class={tone} title={FREEZE_WORDS}>
          <dt>{freezes > 1 ? `frozen, ${freezes} times` : 'frozen'}</dt>
          <dd>{begun ? formatSeconds(frozen) : '–'}</dd>
        </div>
        <div title={LOST_WORDS}>
          <dt>lost</dt>
          <dd>{begun ? formatSeconds(lost) : '–'}</dd>
        </div>
        <div title={BYTES_WORDS}>
          <dt>{BYTES[name]}</dt>
          <dd>{shortBytes(bytes)}</dd>
        </div>
      </dl>
      <dl class="lane-known">
        {known.map((k, i) => (
          <div key={k.connection}>
            <dt>
              {links.value[i] && (
                <NetworkOf link={links.value[i]} audience={audience} path={name === 'paths' ? i + 1 : 0} />
              )}
            </dt>
            <dd>
              <span>
                {name === 'tcp' ? 'four-tuple' : 'connection ID'} <code>{k.identifier || '–'}</code>
              </span>
              {name !== 'tcp' && (
                <span>
                  address <code>{k.address}</code>
                </span>
              )}
            </dd>
          </div>
        ))}
      </dl>
      <Story audience={audience} name={name} />
    </article>
  );
}

function NetworkOf({ link, audience, path }: { link: LaneState; audience: Audience; path: number }) {
  const networks = audience.state.value?.networks ?? [];
  const title = networks.find((n) => n.name === link.network)?.title ?? link.network;
  return (
    <>
      {path > 0 && <span class="lane-path">Path {path}</span>}
      <NetworkChip network={link.network} title={link.away ? `${title}, out of range` : title} />
    </>
  );
}

function Waiting({ audience, name }: { audience: Audience; name: LaneName }) {
  const lane = audience.lanes[name];
  const words = useComputed(() => {
    const { phase, failure } = lane.engine.state.value;
    lane.looks.value; // with the first picture there is nothing to wait for
    if (failure) return failure.message;
    if (lane.shown) return lane.encrypted && !lane.begun ? ENCRYPTED : '';
    return waiting(phase);
  });
  const reconnecting = useComputed(() => lane.engine.state.value.phase === 'reconnecting');
  if (words.value) return <p role="status">{words.value}</p>;
  return reconnecting.value ? <p class="lane-reconnecting">Reconnecting…</p> : null;
}

function waiting(phase: string): string {
  switch (phase) {
    case 'connecting':
      return 'Joining…';
    case 'connected':
      return 'Nobody sends a picture here. A server that was started with --bot 1 sends a test participant into each room.';
    default:
      return '';
  }
}

function Story({ audience, name }: { audience: Audience; name: LaneName }) {
  const run = audience.current.value;
  if (!run) return null;
  const response = audience.lanes[name].verdict(run.from, run.to ?? undefined)?.event.response_ms ?? 0;
  return (
    <p class="lane-story" aria-live="polite" data-testid={`story-${name}`}>
      {run.result ? <Told words={story(name, run.result, response)} /> : 'A run is under way…'}
    </p>
  );
}

/** The verdict, if a story begins with one, stands out. */
function Told({ words }: { words: string }) {
  const [, verdict, rest] = /^(\w+): (.*)$/.exec(words) ?? ['', '', words];
  return (
    <>
      {verdict && <b>{verdict}: </b>}
      {rest}
    </>
  );
}
