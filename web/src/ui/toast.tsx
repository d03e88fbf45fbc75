// Passing messages, and the live regions that say them (and what need not be seen, such as who joined) to a screen reader.

import { signal } from '@preact/signals';
import { Icon, type IconName } from './icons.tsx';

interface Toast {
  id: number;
  text: string;
  icon: IconName;
}

const toasts = signal<Toast[]>([]);
const polite = signal('');
const assertive = signal('');
let next = 1;

/** Shows a message for a few seconds and says it. */
export function toast(text: string, icon: IconName = 'info', ms = 4000): void {
  const id = next++;
  toasts.value = [...toasts.value.slice(-2), { id, text, icon }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((t) => t.id !== id);
  }, ms);
  announce(text);
}

/** Says a sentence to a screen reader without showing it. `now` interrupts. */
export function announce(text: string, now = false): void {
  const region = now ? assertive : polite;
  // The same sentence twice must change the region to be said again.
  region.value = region.peek() === text ? `${text}\u00a0` : text;
}

/** Rendered once, at the root. */
export function ToastHost() {
  return (
    <>
      <div class="toasts" data-testid="toasts">
        {toasts.value.map((t) => (
          <div key={t.id} class="toast">
            <Icon name={t.icon} />
            <span>{t.text}</span>
          </div>
        ))}
      </div>
      <div class="sr-only" role="status" aria-live="polite">
        {polite}
      </div>
      <div class="sr-only" role="alert" aria-live="assertive">
        {assertive}
      </div>
    </>
  );
}
