// The routes of the page and the history behind them.

import { computed, type ReadonlySignal, signal } from '@preact/signals';

export type Route =
  | { page: 'lobby' }
  | { page: 'call'; room: string }
  | { page: 'dashboard' }
  /** The newest handover report of a connection, to be printed. */
  | { page: 'report'; connection: string }
  /** The dashboard over a recording: the one that the program brings along, or a file. */
  | { page: 'replay'; sample: boolean }
  | { page: 'lesson' | 'compare' | 'attack' }
  | { page: 'missing'; path: string };

/** Reads a path; a room that is not valid UTF-8 percent-encoding is shown as it stands. */
export function parseRoute(path: string): Route {
  const parts = path.split('/').filter((p) => p !== '');
  if (parts.length === 0) return { page: 'lobby' };
  switch (parts.join('/')) {
    case 'dashboard':
    case 'lesson':
      return { page: parts[0] as 'dashboard' | 'lesson' };
    case 'lesson/compare':
    case 'lesson/attack':
      return { page: parts[1] as 'compare' | 'attack' };
    case 'replay':
    case 'replay/sample':
      return { page: 'replay', sample: parts.length === 2 };
  }
  if (parts[0] === 'report' && parts[1] && parts.length === 2)
    return { page: 'report', connection: parts[1] };
  if (parts[0] === 'call' && parts.length === 2) {
    const raw = parts[1] ?? '';
    try {
      return { page: 'call', room: decodeURIComponent(raw) };
    } catch {
      return { page: 'call', room: raw };
    }
  }
  return { page: 'missing', path };
}

export function callPath(room: string): string {
  return `/call/${encodeURIComponent(room)}`;
}

const path = signal('/');
const hash = signal('');
const search = signal('');

export const route = computed(() => parseRoute(path.value));

/** The fragment of the address with its #, or ''. Browsers send it to nobody. */
export const fragment: ReadonlySignal<string> = hash;

/** The query of the address with its ?, or ''. */
export const query: ReadonlySignal<string> = search;

/** Goes to a path of this page, with its fragment if it has one, without loading it anew. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const at = to.includes('#') ? to.indexOf('#') : to.length;
  if (to === path.peek() + hash.peek()) return;
  history[options.replace ? 'replaceState' : 'pushState'](null, '', to);
  path.value = to.slice(0, at);
  search.value = '';
  hash.value = to.slice(at);
  window.scrollTo(0, 0);
}

/** Puts another fragment into the address, and nothing into the history. */
export function setFragment(to: string): void {
  history.replaceState(history.state, '', location.pathname + location.search + to);
  hash.value = to;
}

/** Takes query and fragment out of the address, and puts nothing into the history. */
export function onlyPath(): void {
  history.replaceState(history.state, '', location.pathname);
  search.value = '';
  hash.value = '';
}

/** Follows the address bar and clicks on links to this page, for the life of the page. */
export function startRouter(): void {
  const read = () => {
    path.value = location.pathname;
    search.value = location.search;
    hash.value = location.hash;
  };
  read();
  addEventListener('popstate', read);
  addEventListener('hashchange', read);
  document.addEventListener('click', (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const link = e.target instanceof Element ? e.target.closest('a') : null;
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || link.hash || parseRoute(link.pathname).page === 'missing')
      return;
    e.preventDefault();
    navigate(link.pathname);
  });
}
