// A level meter. It sets a custom property per frame instead of rendering, so that ten readings a second cost nothing.

import type { ReadonlySignal } from '@preact/signals';
import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';

/** Shows a level 0..1. */
export function LevelMeter({ level, label }: { level: ReadonlySignal<number>; label: string }) {
  const bar = useRef<HTMLSpanElement>(null);
  const root = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    const value = Math.min(1, Math.max(0, level.value));
    bar.current?.style.setProperty('--level', value.toFixed(3));
    root.current?.setAttribute('aria-valuenow', String(Math.round(value * 100)));
  });
  return (
    <div
      ref={root}
      class="meter"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    >
      <span ref={bar} />
    </div>
  );
}
