// The keys of a call. Which key means what is decided here; what it does is up to the page.

export type Action =
  | {
      do:
        | 'mic'
        | 'camera'
        | 'chat'
        | 'hand'
        | 'copy'
        | 'panel'
        | 'help'
        | 'close'
        | 'layout'
        | 'facts'
        | 'full'
        | 'record';
    }
  | { do: 'network'; index: number };

export interface Key {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  repeat: boolean;
}

export interface Where {
  /** Something that takes text, or a list that takes letters, has the focus. */
  typing: boolean;
  /** A dialog is open: it has its own Escape, and nothing behind it reacts. */
  dialog: boolean;
  networks: number;
}

export const HELP: { keys: string[]; what: string }[] = [
  { keys: ['M'], what: 'Microphone on or off' },
  { keys: ['V'], what: 'Camera on or off' },
  { keys: ['T'], what: 'Show or hide the chat (text)' },
  { keys: ['H'], what: 'Raise or lower your hand' },
  { keys: ['1', '2'], what: 'Switch to the first or second network' },
  { keys: ['P'], what: 'Show or hide what QUIC does' },
  { keys: ['L'], what: 'All alike, or who speaks large' },
  { keys: ['F'], what: 'Full screen' },
  { keys: ['S'], what: 'Show or hide what is measured of everybody' },
  { keys: ['R'], what: 'Record the call to a file, or end that' },
  { keys: ['C'], what: 'Copy the link to this call' },
  { keys: ['?'], what: 'This list' },
  { keys: ['Esc'], what: 'Close what is open' },
];

export function actionOf(e: Key, where: Where): Action | null {
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || where.typing || where.dialog) return null;
  switch (e.key) {
    case 'm':
    case 'M':
      return { do: 'mic' };
    case 'v':
    case 'V':
      return { do: 'camera' };
    case 't':
    case 'T':
      return { do: 'chat' };
    case 'h':
    case 'H':
      return { do: 'hand' };
    case 'c':
    case 'C':
      return { do: 'copy' };
    case 'p':
    case 'P':
      return { do: 'panel' };
    case 'l':
    case 'L':
      return { do: 'layout' };
    case 'f':
    case 'F':
      return { do: 'full' };
    case 's':
    case 'S':
      return { do: 'facts' };
    case 'r':
    case 'R':
      return { do: 'record' };
    case '?':
      return { do: 'help' };
    case 'Escape':
      return { do: 'close' };
  }
  if (/^[1-9]$/.test(e.key)) {
    const index = Number(e.key) - 1;
    return index < where.networks ? { do: 'network', index } : null;
  }
  return null;
}

/** True for an element that does something of its own with letters. */
export function takesText(element: Element | null): boolean {
  if (!element) return false;
  if (element instanceof HTMLElement && element.isContentEditable) return true;
  if (element.tagName === 'INPUT') {
    return !['button', 'checkbox', 'radio', 'range', 'submit'].includes((element as HTMLInputElement).type);
  }
  return element.tagName === 'TEXTAREA' || element.tagName === 'SELECT';
}
