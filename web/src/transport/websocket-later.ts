// The WebSocket transport, which most calls do without: it is loaded while the person is in the lobby, apart from what the lobby waits for.

import { CallError, UNREACHABLE } from './failure.ts';
import type { OpenSession } from './transport.ts';

export const loadWebSocket = () => import('./websocket.ts');

export const openWebSocket: OpenSession = async (target, handlers, signal, purpose) => {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new CallError(UNREACHABLE)), { once: true });
  });
  const transport = await Promise.race([loadWebSocket(), aborted]);
  return transport.openWebSocket(target, handlers, signal, purpose);
};
