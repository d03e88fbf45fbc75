// Writing a connection's qlog: the server does it only when asked, because it costs time for every packet.

import { useSignal } from '@preact/signals';
import { api } from '../api.ts';
import { Button } from '../ui/button.tsx';
import { toast } from '../ui/toast.tsx';
import type { Connection } from './store.ts';

export function Qlog({ connection }: { connection: Connection }) {
  const { id, qlog, state } = connection.snapshot;
  const address = `/api/connections/${encodeURIComponent(id)}/qlog`;
  const busy = useSignal(false);
  /** What the server said to the last request, until a snapshot says it too. */
  const asked = useSignal<{ id: string; on: boolean } | null>(null);
  /** There is one to download: it is being written, or it was while this page watched. */
  const written = useSignal<ReadonlySet<string>>(new Set());
  const on = asked.value?.id === id ? asked.value.on : qlog;
  if ((qlog || on) && !written.value.has(id)) written.value = new Set([...written.value, id]);

  const turn = async (start: boolean) => {
    busy.value = true;
    try {
      await api(address, { method: start ? 'POST' : 'DELETE' });
      asked.value = { id, on: start };
    } catch (error) {
      toast(error instanceof Error ? error.message : 'The server did not answer.', 'warning');
    }
    busy.value = false;
  };
  return (
    <div class="d-qlog">
      {state === 'open' && (
        <Button
          size="small"
          variant="outline"
          disabled={busy.value}
          onClick={() => turn(!on)}
          data-testid="qlog"
          data-hint="qlog records every QUIC packet and event of this connection from now on, in the standard format. It costs the server time for every packet, so it is off unless asked for."
        >
          {on ? 'Stop qlog' : 'Start qlog'}
        </Button>
      )}
      {written.value.has(id) && (
        <a class="btn small outline" href={address} download={`${id}.sqlog`}>
          Download qlog
        </a>
      )}
      {written.value.has(id) && (
        <span class="d-muted">
          It opens in{' '}
          <a href="https://qvis.quictools.info/" target="_blank" rel="noreferrer">
            qvis
          </a>
          .
        </span>
      )}
    </div>
  );
}
