// One button that goes through system, light and dark.

import { IconButton } from './button.tsx';
import type { IconName } from './icons.tsx';
import { chooseTheme, type ThemeChoice, themeChoice } from './theme.ts';

const NEXT: Record<ThemeChoice, ThemeChoice> = { system: 'light', light: 'dark', dark: 'system' };
const ICONS: Record<ThemeChoice, IconName> = { system: 'auto', light: 'sun', dark: 'moon' };
const WORDS: Record<ThemeChoice, string> = {
  system: 'Colours: as the system',
  light: 'Colours: light',
  dark: 'Colours: dark',
};

export function ThemeToggle() {
  const choice = themeChoice.value;
  return (
    <IconButton
      icon={ICONS[choice]}
      label={WORDS[choice]}
      variant="ghost"
      data-testid="theme"
      onClick={() => chooseTheme(NEXT[choice])}
    />
  );
}
