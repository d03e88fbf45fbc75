// Marks a moment, so that it is found again in the log, on the timeline and in a recording.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { api, Refusal } from '../../api.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { toast } from '../../ui/toast.tsx';

/** The server takes no longer texts. */
const longest = 200;

export function MarkDialog({ onClose }: { onClose: () => void }) {
  const text = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []); // the dialog would begin with its button to close it
  const mark = async () => {
    onClose();
    const said = text.value.trim() || 'Look here';
    try {
      await api('/api/marks', { method: 'POST', body: { text: said } });
      toast(`Marked: ${said}`, 'pin');
    } catch (error) {
      const missing = error instanceof Refusal && error.status === 404;
      toast(missing ? 'This server cannot mark moments.' : (error as Error).message, 'warning');
    }
  };
  return (
    <Dialog title="Mark a moment" testid="mark-dialog" onClose={onClose}>
      <form
        class="k-mark"
        onSubmit={(event) => {
          event.preventDefault();
          void mark();
        }}
      >
        <div class="field">
          <label for="mark-text">What happens now</label>
          <input
            id="mark-text"
            class="input"
            data-testid="mark-text"
            autocomplete="off"
            maxLength={longest}
            placeholder="Look here"
            value={text.value}
            ref={input}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </div>
        <Button type="submit" variant="primary" data-testid="mark-send" icon="pin">
          Mark it
        </Button>
      </form>
    </Dialog>
  );
}
