// The participant's own connection, as the call engine tells of it over the control stream.

import type { CallEngine } from '../call/types.ts';
import { createLive, type Live } from './live.ts';

const lives = new WeakMap<CallEngine, Live>();

/** The engine's path history: collected from the first call of this on for the life of the engine, with what came before. Folding the panel away loses nothing. */
export function ownPath(engine: CallEngine): Live {
  let live = lives.get(engine);
  if (!live) {
    const made = createLive();
    engine.onPath(
      {
        // The server tells a participant of no connection but its own: what it told before is over.
        snapshot: (snapshot) => made.dispatch({ type: 'list', snapshots: [snapshot] }),
        event: (event) => made.dispatch({ type: 'event', event }),
        sample: (sample) => made.dispatch({ type: 'samples', samples: [sample], received: Date.now() }),
      },
      true,
    );
    lives.set(engine, made);
    live = made;
  }
  return live;
}
