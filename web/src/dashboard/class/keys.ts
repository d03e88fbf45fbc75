// The keys of the class view. Which key means what is decided here; what it does is up to the view.

export type Action = { do: 'switch' | 'mark' | 'code' | 'back' } | { do: 'network'; index: number };

export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  repeat: boolean;
}

/** `busy`: something that takes text has the focus, or a dialog is open, which has keys of its own. */
export function actionOf(e: Key, busy: boolean, networks: number): Action | null {
  if (busy || e.ctrlKey || e.metaKey || e.altKey || e.repeat) return null;
  switch (e.key.toLowerCase()) {
    case 's':
      return { do: 'switch' };
    case 'm':
      return { do: 'mark' };
    case 'q':
      return { do: 'code' };
    case 'escape':
      return { do: 'back' };
  }
  const index = /^[1-9]$/.test(e.key) ? Number(e.key) - 1 : networks;
  return index < networks ? { do: 'network', index } : null;
}
