// Under which address others reach a call: the page's own, unless that one only works on this machine.

import { callPath } from '../router.ts';

export function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '');
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name)
  );
}

export interface CallLink {
  url: string;
  /** Reached over the local network with the server's own certificate, so a browser warns first. */
  lan: boolean;
  /** Works on this machine only, because the server told no other address. */
  local: boolean;
}

export function callLink(
  room: string,
  page: { origin: string; hostname: string },
  lanUrls: string[],
): CallLink {
  if (!isLoopback(page.hostname)) return { url: page.origin + callPath(room), lan: false, local: false };
  const lan = lanUrls[0];
  if (lan) return { url: lan.replace(/\/+$/, '') + callPath(room), lan: true, local: false };
  return { url: page.origin + callPath(room), lan: false, local: true };
}
