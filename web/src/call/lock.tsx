// The lock of an encrypted call, with what people compare to be sure that they have the same key.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { fingerprint } from './key.ts';

export function Lock({ secret }: { secret: string }) {
  const print = useSignal('');
  useEffect(() => {
    let over = false;
    void fingerprint(secret).then((p) => {
      if (!over) print.value = p;
    });
    return () => {
      over = true;
    };
  }, [secret, print]);
  return (
    <span
      class="head-fact lock"
      data-testid="encrypted"
      tabIndex={0}
      title="Encrypted from end to end: the server passes on what it cannot read. Compare these digits by voice: all who have the same key see the same ones."
    >
      <Icon name="lock" />
      <span class="sr-only">Encrypted from end to end, fingerprint </span>
      <code>{print}</code>
    </span>
  );
}
