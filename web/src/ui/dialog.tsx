// A modal dialog on the platform's own <dialog>: focus is kept inside, Escape closes, and focus returns to what opened it.

import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import { IconButton } from './button.tsx';

export interface DialogProps {
  title: string;
  onClose(): void;
  children: ComponentChildren;
  testid?: string;
}

/** Open for as long as it is rendered. */
export function Dialog({ title, onClose, children, testid }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Before anything is seen of it: a key pressed now is meant for it.
  useLayoutEffect(() => {
    const dialog = ref.current;
    const opener = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement) opener.focus(); // the browser's own return fails once the element is gone
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class="dialog"
      data-testid={testid}
      aria-labelledby={heading}
      onCancel={(e) => {
        e.preventDefault();
        onClose();
      }}
      onClick={(e) => {
        if (e.target === ref.current) onClose(); // the backdrop
      }}
    >
      <div class="dialog-head">
        <h2 id={heading}>{title}</h2>
        <IconButton icon="close" label="Close" variant="ghost" onClick={onClose} />
      </div>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}
