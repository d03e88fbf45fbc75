// /report/CONNECTION: the newest handover report of a connection, as it comes out of a printer.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { api } from '../api.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icons.tsx';
import { ThemeToggle } from '../ui/theme-toggle.tsx';
import './dashboard.css';
import { KeyPrompt } from './key.tsx';
import { followConnection, type Problem } from './report/follow.ts';
import { Paper } from './report/paper.tsx';
import './report/paper.css';

export function ReportPage({ connection }: { connection: string }) {
  const tries = useSignal(0);
  const followed = useMemo(() => followConnection(connection), [connection, tries.value]);
  useEffect(() => () => followed.close(), [followed]);
  const shown = followed.state.value.connections.get(connection);
  const problem = followed.problem.value;
  const report = shown?.snapshot.report;
  return (
    <main class="r-page d-board">
      <nav class="r-tools" aria-label="Page">
        <a class="btn ghost" href="/dashboard">
          <Icon name="chevron-left" /> Dashboard
        </a>
        <span class="d-grow" />
        <ThemeToggle />
        <Button variant="primary" data-testid="print" disabled={!report} onClick={() => print()}>
          Print
        </Button>
      </nav>
      {problem ? (
        <Trouble problem={problem} connection={connection} onAgain={() => tries.value++} />
      ) : shown && report ? (
        <Paper connection={shown} report={report} />
      ) : (
        <p class="r-wait" role="status" data-testid="report-status">
          {shown
            ? `${shown.snapshot.name || 'This connection'} has not changed its network yet, or the change is still being measured. The report appears here by itself.`
            : 'Asking the server…'}
        </p>
      )}
    </main>
  );
}

function Trouble({
  problem,
  connection,
  onAgain,
}: {
  problem: Problem;
  connection: string;
  onAgain: () => void;
}) {
  const wrong = useSignal(false);
  if (problem.what === 'locked') {
    return (
      <KeyPrompt
        wrong={wrong.value}
        onKey={async (key) => {
          try {
            await api('/api/operator', { method: 'POST', body: { key } });
            onAgain();
          } catch {
            wrong.value = true;
          }
        }}
      />
    );
  }
  return (
    <div class="r-wait" role="alert" data-testid="report-status">
      {problem.what === 'missing' ? (
        <p>
          The server knows no connection <code>{connection}</code>. It forgets those that ended a while ago.
        </p>
      ) : (
        <p>{problem.message}</p>
      )}
      <Button variant="outline" onClick={onAgain}>
        Try again
      </Button>
    </div>
  );
}
