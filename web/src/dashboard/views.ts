// The two views of the dashboard: every connection in detail, or the whole class on one screen.

import { useSignal } from '@preact/signals';
import { recall, remember } from '../ui/storage.ts';

export type View = 'connections' | 'class';

const key = 'dashboard-view';

/** The view that the address names, else the one that was looked at last. */
export function firstView(search: string, remembered: string | null): View {
  return (new URLSearchParams(search).get('view') ?? remembered) === 'class' ? 'class' : 'connections';
}

/** The view and how to choose another, which the address then names: so it can be kept as a bookmark. */
export function useView(): { view: View; choose: (view: View) => void } {
  const view = useSignal(firstView(location.search, recall(key)));
  return {
    view: view.value,
    choose(next) {
      view.value = next;
      remember(key, next);
      history.replaceState(history.state, '', `${location.pathname}?view=${next}`);
    },
  };
}
