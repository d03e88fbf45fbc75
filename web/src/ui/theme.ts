// Light or dark: the system's choice unless the person made one, which is remembered. The result stands as data-theme on <html>, so CSS
// needs one rule per theme and a canvas can read the resolved tokens.

import { computed, effect, signal } from '@preact/signals';
import { forget, recall, remember } from './storage.ts';

export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(system.matches);

function remembered(): ThemeChoice {
  const value = recall(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const themeChoice = signal<ThemeChoice>(remembered());

/** The theme in effect. Charts read it to know when to draw again. */
export const theme = computed<'light' | 'dark'>(() =>
  themeChoice.value === 'system' ? (systemDark.value ? 'dark' : 'light') : themeChoice.value,
);

export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  if (choice === 'system') forget(KEY);
  else remember(KEY, choice);
}

/** Keeps <html data-theme> true for the life of the page. */
export function startTheme(): void {
  system.addEventListener('change', () => {
    systemDark.value = system.matches;
  });
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

/** The value of a token such as '--net-wifi', for a canvas. */
export function token(name: string, element: Element = document.documentElement): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}
