// What the page knows about its server: the configuration and, for who may know them, the running calls. Both are asked for while somebody
// looks at them, for that also tells whether the server is there.

import { signal } from '@preact/signals';
import { api, type CallInfo, type ServerConfig } from './api.ts';

export const config = signal<ServerConfig | null>(null);
export const calls = signal<CallInfo[]>([]);
/** Why the server cannot be reached, or null. */
export const unreachable = signal<string | null>(null);

/** Asks once. Rejects with an Error for people, or fetch's TypeError if nobody answers. */
export async function askServer(signal: AbortSignal): Promise<void> {
  const asked = await api<ServerConfig>('/api/config', { signal });
  config.value = asked;
  unreachable.value = asked.unreachable ?? null;
  calls.value = asked.operator ? await api<CallInfo[]>('/api/calls', { signal }) : [];
}

/** Asks every few seconds until the returned function is called. */
export function watchServer(): () => void {
  const abort = new AbortController();
  let timer = 0;
  const ask = async () => {
    if (document.visibilityState === 'visible') {
      try {
        await askServer(abort.signal);
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
