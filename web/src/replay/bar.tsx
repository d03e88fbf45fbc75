// What a recording is played with: the whole of it as a line to go along, and below that the buttons.

import { useComputed } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { GlyphIcon } from '../dashboard/log.tsx';
import { clockText } from '../dashboard/time.ts';
import { IconButton } from '../ui/button.tsx';
import { networkColours } from '../ui/networks.ts';
import { Segmented } from '../ui/segmented.tsx';
import { announce } from '../ui/toast.tsx';
import { type Moment, markAt, momentsOf } from './moments.ts';
import type { Recording } from './parse.ts';
import { type Player, type Speed, speeds } from './player.ts';

const speedWords: Record<Speed, string> = {
  0.25: '¼',
  0.5: '½',
  1: '1×',
  2: '2×',
  4: '4×',
  8: '8×',
};

export interface BarProps {
  player: Player;
  recording: Recording;
  /** Time was moved by hand: the timeline should show where it is now. */
  onMove: () => void;
  children?: preact.ComponentChildren;
}

export function Bar({ player, recording, onMove, children }: BarProps) {
  const moments = useMemo(() => momentsOf(recording.entries), [recording]);
  const move = (act: () => void) => {
    act();
    onMove();
  };
  const leap = (direction: 1 | -1) => {
    const now = player.now();
    const next =
      direction > 0 ? moments.find((m) => m.at > now + 1) : moments.findLast((m) => m.at < now - 1);
    move(() => player.seek(next?.at ?? (direction > 0 ? player.end : player.begin)));
    if (next) announce(next.text);
  };
  useKeys({
    ' ': () => player.toggle(),
    ArrowRight: (shift) => (shift ? leap(1) : move(() => player.step(1))),
    ArrowLeft: (shift) => (shift ? leap(-1) : move(() => player.step(-1))),
    '[': () => faster(player, -1),
    ']': () => faster(player, 1),
  });
  const playing = player.playing.value;
  return (
    <section class="r-bar" aria-label="Playback" data-testid="replay-bar" data-playing={playing}>
      <Scrub player={player} moments={moments} onMove={onMove} />
      <div class="r-row">
        <div class="r-buttons">
          <IconButton
            icon="chevron-left"
            label="Previous event"
            title="Previous event (←); with Shift the previous mark or switch"
            data-testid="replay-back"
            onClick={() => move(() => player.step(-1))}
          />
          <IconButton
            icon={playing ? 'pause' : 'play'}
            variant="primary"
            label={playing ? 'Pause' : 'Play'}
            title={playing ? 'Pause (Space)' : 'Play (Space)'}
            data-testid="replay-play"
            onClick={() => player.toggle()}
          />
          <IconButton
            icon="chevron-right"
            label="Next event"
            title="Next event (→); with Shift the next mark or switch"
            data-testid="replay-next"
            onClick={() => move(() => player.step(1))}
          />
        </div>
        <Clock player={player} />
        <Caption player={player} moments={moments} />
        <Segmented
          class="r-speed"
          label="Speed, keys [ and ]"
          value={String(player.speed.value)}
          segments={speeds.map((s) => ({
            value: String(s),
            label: speedWords[s],
            testid: `replay-speed-${s}`,
          }))}
          onSelect={(value) => player.setSpeed(Number(value) as Speed)}
        />
        {children}
      </div>
    </section>
  );
}

function faster(player: Player, by: 1 | -1): void {
  const next = speeds[speeds.indexOf(player.speed.peek()) + by];
  if (next === undefined) return;
  player.setSpeed(next);
  announce(`Speed ${speedWords[next]}`);
}

/** Keys that work wherever the focus is, unless something there has its own use for them. */
function useKeys(keys: Record<string, (shift: boolean) => void>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const act = keys[event.key];
      const bracket = event.key === '[' || event.key === ']'; // on many keyboards with AltGr, which says Control and Alt
      if (!act || event.defaultPrevented || event.metaKey) return;
      if (!bracket && (event.ctrlKey || event.altKey)) return;
      const at = event.target as Element | null;
      if (at?.closest('input, textarea, select, [contenteditable]')) return;
      if (event.key === ' ' && at?.closest('button, a, summary, [role="button"]')) return;
      event.preventDefault();
      act(event.shiftKey);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });
}

/** 0:31, 12:07 */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function Clock({ player }: { player: Player }) {
  const at = player.position.value;
  return (
    <span class="r-clock" data-testid="replay-clock">
      <b class="d-mono">{clockText(at, 1)}</b>{' '}
      <span class="d-muted d-mono">
        {durationText(at - player.begin)} / {durationText(player.end - player.begin)}
      </span>
    </span>
  );
}

/** What was marked last: a talk's caption. */
function Caption({ player, moments }: { player: Player; moments: readonly Moment[] }) {
  const mark = useComputed(() => markAt(moments, player.position.value)).value;
  return (
    <p class="r-caption" aria-live="polite" data-testid="replay-mark">
      {mark && (
        <>
          <GlyphIcon type="moment_marked" /> {mark.text}
        </>
      )}
    </p>
  );
}

function Scrub({
  player,
  moments,
  onMove,
}: {
  player: Player;
  moments: readonly Moment[];
  onMove: () => void;
}) {
  const { begin, end } = player;
  const length = Math.max(1, end - begin);
  const at = player.position.value;
  const ticks = useMemo(
    () =>
      moments.map((m) => (
        <span
          key={m.event.id}
          class={`r-tick r-${m.kind}`}
          style={{
            left: `${((m.at - begin) / length) * 100}%`,
            ...(m.network && { '--tick': networkColours(m.network).colour }),
          }}
        />
      )),
    [moments],
  );
  return (
    <div class="r-scrub" style={{ '--at': `${((at - begin) / length) * 100}%` }}>
      <div class="r-ticks" aria-hidden="true">
        {ticks}
      </div>
      <input
        type="range"
        aria-label="Moment of the recording"
        aria-valuetext={`${clockText(at, 0)}, ${durationText(at - begin)} of ${durationText(length)}`}
        data-testid="replay-scrub"
        min={0}
        max={length}
        step={1}
        value={at - begin}
        onInput={(e) => {
          player.seek(begin + Number(e.currentTarget.value));
          onMove();
        }}
        onKeyDown={(e) => {
          // Steps of the line's own, which is a millisecond, are nothing to a person.
          const by = { ArrowRight: 1000, ArrowUp: 1000, ArrowLeft: -1000, ArrowDown: -1000 }[e.key];
          if (e.key === ' ') player.toggle();
          else if (by) player.seek(player.now() + by);
          else return;
          e.preventDefault();
          onMove();
        }}
      />
    </div>
  );
}
