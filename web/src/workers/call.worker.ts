// The call worker. The session, the codecs and the canvases live here and not on the page, whose main thread is busy with its screens at just the
// moments when something happens. It obeys the typed messages of messages.ts and answers with them.

import { receivable } from '../media/codecs.ts';
import { warmUp } from '../media/warm.ts';
import { loadWebSocket } from '../transport/websocket-later.ts';
import { Call } from './call.ts';
import type { FromWorker, ToWorker } from './messages.ts';

const TICK_MS = 66;

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
let call: Call | null = null;
let ticks: ReturnType<typeof setInterval> | null = null;
const ticked = new Set<string>(); // who wants ticks

// While the person is in the lobby
warmUp();
void receivable();
loadWebSocket().catch(() => undefined); // it is tried again when it is needed

function post(m: FromWorker): void {
  scope.postMessage(m);
}

scope.onmessage = (e: MessageEvent<ToWorker>) => {
  const m = e.data;
  switch (m.type) {
    case 'join':
      call ??= new Call(m, post);
      break;
    case 'ticks':
      if (m.on) ticked.add(m.of);
      else ticked.delete(m.of);
      if (ticks) clearInterval(ticks);
      ticks = ticked.size > 0 ? setInterval(() => post({ type: 'tick' }), TICK_MS) : null;
      break;
    default:
      call?.command(m);
  }
};
