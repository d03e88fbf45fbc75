// Light or dark: the system's choice unless the person made one, which is remembered. The result stands as data-theme on <html>, so CSS
// needs one rule per theme and a canvas can read the resolved tokens.

import { computed, effect, signal } from '@preact/signals';

export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'roamcall.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(system.matches);

function remembered(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system'; // storage is blocked
  }
}

export const themeChoice = signal<ThemeChoice>(remembered());

/** The theme in effect. Charts read it to know when to draw again. */
export const theme = computed<'light' | 'dark'>(() =>
  themeChoice.value === 'system' ? (systemDark.value ? 'dark' : 'light') : themeChoice.value,
);

export function chooseTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // not remembered, but chosen
  }
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
