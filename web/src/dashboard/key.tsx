// Asks for the operator's key, where the server wants one.

import { useSignal } from '@preact/signals';
import { Button } from '../ui/button.tsx';

export function KeyPrompt({ wrong, onKey }: { wrong: boolean; onKey: (key: string) => Promise<void> }) {
  const key = useSignal('');
  const busy = useSignal(false);
  return (
    <form
      class="d-lock card"
      onSubmit={async (event) => {
        event.preventDefault();
        busy.value = true;
        await onKey(key.value.trim());
        busy.value = false;
      }}
    >
      <h2>The operator’s key</h2>
      <p>
        The dashboard shows the addresses of everybody in every call, so it needs the key that the server
        printed when it started. On the server’s own machine it needs none.
      </p>
      <div class="field">
        <label for="operator-key">Key</label>
        <input
          id="operator-key"
          class="input"
          type="password"
          autocomplete="off"
          data-testid="operator-key"
          aria-invalid={wrong}
          value={key.value}
          onInput={(event) => (key.value = event.currentTarget.value)}
        />
        {wrong && <p class="field-error">The server does not know this key.</p>}
      </div>
      <Button type="submit" variant="primary" disabled={busy.value || key.value.trim() === ''}>
        Open the dashboard
      </Button>
    </form>
  );
}
