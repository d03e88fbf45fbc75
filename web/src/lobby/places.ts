// Under which address others reach a call: the page's own, or that of the companion's server, unless it only works on this machine.

import type { ServerConfig } from '../api.ts';
import { fragmentOf } from '../call/key.ts';
import { callPath } from '../router.ts';

export function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '');
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127\.\d+\.\d+\.\d+$/.test(name)
  );
}

export interface CallLink {
  url: string;
  /** Reached over the local network. */
  lan: boolean;
  /** The server's certificate is its own, or not for this address, so a browser warns first. */
  warns: boolean;
  /** Works on this machine only, because the server told no other address. */
  local: boolean;
}

/** `key` is that of an encrypted call, or ''. */
export function callLink(
  call: { room: string; key: string },
  page: { origin: string },
  config: Pick<ServerConfig, 'lan_urls' | 'certificate_public' | 'companion'> | null,
): CallLink {
  const server = config?.companion ?? page.origin;
  const path = callPath(call.room) + fragmentOf(call.key);
  if (!isLoopback(new URL(server).hostname))
    return { url: server + path, lan: false, warns: config?.certificate_public === false, local: false };
  const lan = config?.lan_urls[0];
  if (lan) return { url: lan.replace(/\/+$/, '') + path, lan: true, warns: true, local: false };
  return { url: page.origin + path, lan: false, warns: false, local: true };
}
