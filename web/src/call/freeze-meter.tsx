// The freeze meter: the proof of the call, always in view. Both numbers are measured where the frames are drawn.

import { useComputed } from '@preact/signals';
import { formatMs, formatSeconds } from '../ui/format.ts';
import type { CallEngine, CallState } from './types.ts';

/** The longest gap of anybody's picture in the last 10 s, ms; null while nobody's picture is shown. */
export function longestGap(state: CallState): number | null {
  const gaps = state.remotes
    .filter((r) => r.stats.framesRendered > 0 && r.tracks.some((t) => t.kind === 'video' && !t.muted))
    .map((r) => r.stats.longestGapMs);
  return gaps.length > 0 ? Math.max(...gaps) : null;
}

export function FreezeMeter({ engine }: { engine: CallEngine }) {
  const gap = useComputed(() => longestGap(engine.state.value));
  const frozen = useComputed(() => engine.state.value.frozenMs);
  const freezes = useComputed(() => engine.state.value.freezes);
  const ms = gap.value;
  return (
    <dl
      class="freeze-meter"
      data-testid="freeze-meter"
      data-freezes={freezes.value}
      data-frozen-ms={Math.round(frozen.value)}
      data-longest-gap-ms={ms === null ? '' : Math.round(ms)}
      title="A freeze is an interval between two frames of at least three times the mean interval, or the mean interval plus 150 ms, whichever is longer."
    >
      <div class={ms === null ? '' : ms < 150 ? 'good' : 'slow'}>
        <dt>
          <span class="wide">longest frame gap, last 10 s</span>
          <span class="narrow">longest gap, 10 s</span>
        </dt>
        <dd>{ms === null ? '–' : formatMs(ms)}</dd>
      </div>
      <div class={freezes.value === 0 ? 'good' : 'bad'}>
        <dt>
          <span class="wide">frozen since you joined</span>
          <span class="narrow">frozen in total</span>
        </dt>
        <dd>
          {formatSeconds(frozen.value)}
          {freezes.value > 0 && (
            <small> in {freezes.value === 1 ? 'one freeze' : `${freezes.value} freezes`}</small>
          )}
        </dd>
      </div>
    </dl>
  );
}
