import { toast } from '../ui/toast.tsx';

/** Puts text on the clipboard and says whether it worked. Pages on plain http (a phone on the LAN) have no clipboard API. */
export async function copyText(text: string, what: string): Promise<void> {
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyBySelection(text);
    toast(`${what} copied`, 'check');
  } catch {
    toast(`The browser did not allow copying.`, 'warning');
  }
}

function copyBySelection(text: string): void {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('copying is not allowed');
}
