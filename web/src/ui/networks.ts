// From a network's name to its colour and icon, the same on every screen.

import type { IconName } from './icons.tsx';

const KNOWN: Record<string, { token: string; icon: IconName }> = {
  wifi: { token: '--net-wifi', icon: 'wifi' },
  'wi-fi': { token: '--net-wifi', icon: 'wifi' },
  cellular: { token: '--net-cellular', icon: 'cellular' },
  ethernet: { token: '--net-ethernet', icon: 'ethernet' },
  wired: { token: '--net-ethernet', icon: 'ethernet' },
};

const FURTHER = ['--net-a', '--net-b', '--net-c', '--net-ethernet'];

function known(network: string) {
  return Object.hasOwn(KNOWN, network) ? KNOWN[network] : undefined;
}

/** What path events call the addresses of an attacker in the lab. */
export function hostile(network: string | undefined): boolean {
  return /^attacker(-\d)?$/.test(network ?? '');
}

/** The token of a network's colour, e.g. '--net-wifi'; append '-soft' for its ground. An unknown name always gets the same one. */
export function networkToken(network: string): string {
  const found = known(network);
  if (found) return found.token;
  if (hostile(network)) return '--path-failed';
  let sum = 0;
  for (const c of network) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
  return FURTHER[sum % FURTHER.length] ?? '--net-a';
}

/** The colours of a network as CSS values. */
export function networkColours(network: string): { colour: string; soft: string } {
  const name = networkToken(network);
  return { colour: `var(${name})`, soft: `var(${name}-soft)` };
}

export function networkIcon(network: string): IconName {
  return known(network)?.icon ?? (hostile(network) ? 'warning' : 'network');
}
