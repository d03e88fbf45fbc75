// The worker of the third lane: obeys the messages of a call worker, and answers with them. Its file is not called a worker's, for by that name the build counts
// what a call page loads (bundle-size.ts); this one is loaded on the comparison's page only.

import { receivable } from '../../media/codecs.ts';
import { warmUp } from '../../media/warm.ts';
import type { FromWorker, ToWorker } from '../../workers/messages.ts';
import { Paths } from './paths.ts';

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
let paths: Paths | null = null;

warmUp();
void receivable();

scope.onmessage = (e: MessageEvent<ToWorker>) => {
  if (e.data.type === 'join') paths ??= new Paths(e.data, (m: FromWorker) => scope.postMessage(m));
  else paths?.command(e.data);
};
