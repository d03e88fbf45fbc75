// What one sees of a recording: the button with the elapsed time, and who records. The recorder itself (recording/recorder.ts) is loaded later.

import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import type { CallEngine } from './types.ts';

export function canRecord(): boolean {
  return typeof MediaRecorder !== 'undefined' && 'captureStream' in HTMLCanvasElement.prototype;
}

/** "1:05", of ms. */
export function elapsed(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

export function RecordButton({ engine, onPress }: { engine: CallEngine; onPress(): void }) {
  const since = useComputed(() => engine.state.value.local.recordingSince);
  const now = useSignal(0);
  const on = since.value > 0;
  useEffect(() => {
    if (!on) return;
    const tick = () => {
      now.value = Date.now();
    };
    tick();
    const timer = setInterval(tick, 1_000);
    return () => clearInterval(timer);
  }, [on, now]);
  const label = on ? 'End the recording' : 'Record';
  return (
    <Button
      icon="record"
      class={on ? 'round recording' : 'icon-only round rare'}
      size="large"
      data-testid="record"
      aria-pressed={on}
      aria-label={label}
      title={`${label} (R)`}
      onClick={onPress}
    >
      {on && <span>{elapsed(now.value - since.value)}</span>}
    </Button>
  );
}

/** A chip for everybody who records, this person included. */
export function WhoRecords({ engine }: { engine: CallEngine }) {
  const others = useComputed(() => engine.state.value.remotes.filter((r) => r.recording));
  const own = useComputed(() => engine.state.value.local.recordingSince > 0);
  const local = useComputed(() => engine.state.value.local.participant);
  const chips = others.value.map(({ id, name }) => ({ id, text: `${name} is recording` }));
  if (own.value) chips.unshift({ id: local.value, text: 'You are recording. Everybody is told.' });
  return (
    <>
      {chips.map(({ id, text }) => (
        <p key={id} class="stage-notice records" data-testid="recording" data-participant={id}>
          {text}
        </p>
      ))}
    </>
  );
}
