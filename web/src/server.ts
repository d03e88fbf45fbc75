// What the page knows about its server: the configuration, asked once, and the running calls, asked for while somebody looks at them.

import { signal } from '@preact/signals';
import { api, type CallInfo, type ServerConfig } from './api.ts';

export const config = signal<ServerConfig | null>(null);
export const calls = signal<CallInfo[]>([]);
/** Why the server cannot be reached, or null. */
export const unreachable = signal<string | null>(null);

/** Asks for the configuration and then every few seconds for the calls, until the returned function is called. */
export function watchCalls(): () => void {
  const abort = new AbortController();
  let timer = 0;
  const ask = async () => {
    if (document.visibilityState === 'visible') {
      try {
        if (!config.peek()) config.value = await api<ServerConfig>('/api/config', { signal: abort.signal });
        calls.value = await api<CallInfo[]>('/api/calls', { signal: abort.signal });
        unreachable.value = null;
      } catch (error) {
        if (abort.signal.aborted) return;
        // fetch says only "Failed to fetch" when nobody answers.
        unreachable.value =
          error instanceof TypeError ? 'The server does not answer.' : (error as Error).message;
      }
    }
    if (!abort.signal.aborted) timer = window.setTimeout(ask, 3000);
  };
  void ask();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}
