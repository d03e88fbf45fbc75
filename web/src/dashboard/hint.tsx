// One explanation at a time, beside whatever carries data-hint: on hover, on focus, and on a tap where there is no hover.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

interface Hint {
  text: string;
  x: number;
  top: number;
  bottom: number;
}

const hint = signal<Hint | null>(null);

/** Rendered once per screen. Listens on the document, so that a row costs nothing. */
export function Hints() {
  useEffect(() => {
    const show = (event: Event) => {
      const target = (event.target as Element | null)?.closest?.('[data-hint]');
      const text = target?.getAttribute('data-hint');
      if (!target || !text) {
        if (hint.peek()) hint.value = null;
        return;
      }
      const box = target.getBoundingClientRect();
      hint.value = { text, x: box.left + box.width / 2, top: box.top, bottom: box.bottom };
    };
    const hide = () => {
      if (hint.peek()) hint.value = null;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') hide();
    };
    document.addEventListener('pointerover', show);
    document.addEventListener('focusin', show);
    document.addEventListener('click', show);
    document.addEventListener('focusout', hide);
    document.addEventListener('keydown', onKey);
    window.addEventListener('scroll', hide, true);
    return () => {
      document.removeEventListener('pointerover', show);
      document.removeEventListener('focusin', show);
      document.removeEventListener('click', show);
      document.removeEventListener('focusout', hide);
      document.removeEventListener('keydown', onKey);
      window.removeEventListener('scroll', hide, true);
      hide();
    };
  }, []);

  const h = hint.value;
  if (!h) return null;
  const width = Math.min(360, innerWidth - 16);
  const left = Math.max(8, Math.min(innerWidth - width - 8, h.x - width / 2));
  const below = h.top < 160;
  return (
    <div
      class="d-hint"
      role="tooltip"
      style={{
        left: `${left}px`,
        width: `${width}px`,
        top: below ? `${h.bottom + 8}px` : undefined,
        bottom: below ? undefined : `${innerHeight - h.top + 8}px`,
      }}
    >
      {h.text}
    </div>
  );
}
