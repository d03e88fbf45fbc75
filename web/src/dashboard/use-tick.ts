import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

/** Redraws regularly, for "3 s ago" and what else time alone changes. */
export function useTick(ms: number): number {
  const tick = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => tick.value++, ms);
    return () => clearInterval(timer);
  }, []);
  return tick.value;
}
