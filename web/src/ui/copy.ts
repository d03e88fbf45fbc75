// Copies a text and says so.

import { toast } from './toast.tsx';

export async function copyText(text: string, said = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${said}: ${text}`, 'check');
  } catch {
    // No clipboard on an insecure page or without permission: show it, so that it can be copied by hand.
    window.prompt('Copy this:', text);
  }
}
