// 3, 2, 1: large enough for everybody to look at their own screen when it happens. Escape calls it off.

import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icons.tsx';
import { networkColours, networkIcon } from '../../ui/networks.ts';
import { announce } from '../../ui/toast.tsx';

/** What is about to be done. */
export interface Order {
  who: string; // "All 30", "Ada"
  network: string;
  title: string; // of the network
  how: string;
  run(): void;
}

const from = 3;
const beatMs = 1000;

/** Counts as long as it is rendered, then carries the order out. `onEnd` is called before that, and when it was called off. */
export function Countdown({ order, onEnd }: { order: Order; onEnd: () => void }) {
  const left = useSignal(from);
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    return () => {
      dialog.current?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  useEffect(() => {
    announce(`${order.who} to ${order.title} in ${from}`, true);
    const timer = setInterval(() => {
      left.value--;
      if (left.value > 0) return announce(String(left.value), true);
      clearInterval(timer);
      onEnd();
      order.run();
    }, beatMs);
    return () => clearInterval(timer);
  }, []);
  const { colour, soft } = networkColours(order.network);
  return (
    <dialog
      ref={dialog}
      class="k-countdown"
      data-testid="countdown"
      data-left={left.value}
      aria-labelledby="k-countdown-what"
      onCancel={(e) => {
        e.preventDefault();
        onEnd();
      }}
    >
      <p id="k-countdown-what">
        <span>{order.who} to</span>{' '}
        <span class="k-countdown-net" style={{ color: colour, background: soft }}>
          <Icon name={networkIcon(order.network)} /> {order.title}
        </span>
      </p>
      <p class="k-countdown-number" aria-hidden="true" key={left.value}>
        {left.value}
      </p>
      <p class="k-countdown-how">{order.how}</p>
      <Button size="large" variant="outline" data-testid="countdown-cancel" onClick={onEnd}>
        Call it off <kbd>Esc</kbd>
      </Button>
    </dialog>
  );
}
