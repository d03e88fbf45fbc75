import { type ReadonlySignal, signal } from '@preact/signals';
import { type Action, empty, reduceAll, type State } from './store.ts';

/** The store behind a signal, fed in batches. */
export interface Live {
  readonly state: ReadonlySignal<State>;
  dispatch(action: Action): void;
  /** Now on the server's clock, ms. */
  now(): number;
}

// Everything that arrives within one frame is drawn once. A timer, not requestAnimationFrame: it also runs in a tab that is not shown.
const batchMs = 16;

export function createLive(): Live {
  const state = signal<State>(empty);
  let waiting: Action[] = [];
  return {
    state,
    dispatch(action) {
      if (waiting.push(action) > 1) return;
      setTimeout(() => {
        const batch = waiting;
        waiting = [];
        state.value = reduceAll(state.value, batch);
      }, batchMs);
    },
    now() {
      const { offset } = state.peek();
      return Date.now() - (Number.isNaN(offset) ? 0 : offset);
    },
  };
}
