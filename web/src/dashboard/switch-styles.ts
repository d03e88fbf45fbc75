// How a network is switched, and what the person chose last.

import type { SwitchStyle } from '../call/types.ts';
import { recall, remember } from '../ui/storage.ts';

export const styles: { value: SwitchStyle; label: string; title: string }[] = [
  {
    value: 'hard',
    label: 'Hard',
    title: 'Break before make: the old network is gone when the new one begins',
  },
  { value: 'soft', label: 'Soft', title: 'Make before break: both work for a moment' },
  { value: 'walk', label: 'Walk', title: 'Walk out of range: loss climbs until nothing passes' },
];

export function rememberedStyle(): SwitchStyle {
  const style = recall('style');
  return styles.find((s) => s.value === style)?.value ?? 'hard';
}

export function rememberStyle(style: SwitchStyle): void {
  remember('style', style);
}
