// How one looks at the call: the layout, who is pinned, whether what is measured is shown. Nobody else sees it.

import { type ReadonlySignal, type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { recall, recallFlag, remember, rememberFlag } from '../ui/storage.ts';
import type { Layout } from './layout.ts';
import { screenOf, shares } from './screens.ts';
import { Spotlight } from './spotlight.ts';
import type { CallEngine } from './types.ts';

export interface View {
  /** What the person chose, ... */
  readonly chosen: ReadonlySignal<Layout>;
  /** ... and what it is: with a screen, or somebody pinned, one tile is large. */
  readonly layout: ReadonlySignal<Layout>;
  /** Whose tile, or screen, is large whoever speaks; null: nobody's. */
  readonly pinned: ReadonlySignal<string | null>;
  /** The tile that is large; null: all are alike. */
  readonly large: ReadonlySignal<string | null>;
  /** What is measured of everybody is shown. */
  readonly facts: Signal<boolean>;
  /** Who begins to speak is said to screen readers. */
  readonly spoken: ReadonlySignal<boolean>;
  setSpoken(on: boolean): void;
  setLayout(layout: Layout): void;
  /** To the other layout, or back from who is pinned. */
  toggle(): void;
  /** Pins a tile, or lets go of it if it is pinned already. */
  pin(id: string): void;
}

export function useView(engine: CallEngine): View {
  const chosen = useSignal<Layout>(recall('layout') === 'speaker' ? 'speaker' : 'grid');
  const wanted = useSignal<string | null>(null);
  const speaker = useSignal<string | null>(null);
  const facts = useSignal(false);
  const spoken = useSignal(recallFlag('say-who'));
  const spotlight = useMemo(() => new Spotlight(), []);
  useSignalEffect(() => {
    speaker.value = spotlight.next(engine.state.value.remotes, performance.now());
  });
  const screen = useComputed(() => {
    const sharing = engine.state.value.remotes.filter(shares).at(-1);
    return sharing ? screenOf(sharing.id) : null;
  });
  const pinned = useComputed(() => {
    const { remotes } = engine.state.value;
    const there = remotes.flatMap((r) => (shares(r) ? [r.id, screenOf(r.id)] : [r.id]));
    return wanted.value !== null && there.includes(wanted.value) ? wanted.value : null;
  });
  // A screen is there to be read: it is large unless somebody is pinned.
  const first = useComputed(() => pinned.value ?? screen.value);
  const layout = useComputed<Layout>(() => (first.value === null ? chosen.value : 'speaker'));
  const large = useComputed(() => (layout.value === 'grid' ? null : (first.value ?? speaker.value)));
  const setLayout = (next: Layout) => {
    wanted.value = null;
    chosen.value = next;
    remember('layout', next);
  };
  return {
    chosen,
    layout,
    pinned,
    large,
    facts,
    spoken,
    setSpoken(on) {
      spoken.value = on;
      rememberFlag('say-who', on);
    },
    setLayout,
    toggle() {
      setLayout(pinned.peek() !== null || chosen.peek() === 'speaker' ? 'grid' : 'speaker');
    },
    pin(id) {
      wanted.value = pinned.peek() === id ? null : id;
    },
  };
}
