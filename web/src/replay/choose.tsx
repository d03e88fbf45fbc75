// The replay page before there is something to show.

import { useRef } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import { Mark } from '../ui/icons.tsx';
import { ThemeToggle } from '../ui/theme-toggle.tsx';
import { accepted } from './words.ts';

export interface ChooseProps {
  loading: string;
  problem: string;
  onFile: (file: File | undefined) => void;
  onSample: () => void;
}

export function Choose({ loading, problem, onFile, onSample }: ChooseProps) {
  const file = useRef<HTMLInputElement>(null);
  return (
    <main class="r-choose">
      <header>
        <a href="/" class="r-brand">
          <Mark size={30} /> Roamcall
        </a>
        <ThemeToggle />
      </header>
      <div class="card">
        <h1>Replay</h1>
        <p>
          A recording has what a server told its dashboard: every event and every measurement, no media. Here
          the dashboard shows it again, at the speed you like and without a server.
        </p>
        {problem && (
          <p class="r-problem" role="alert" data-testid="replay-problem">
            {problem}
          </p>
        )}
        <div class="r-ways">
          <Button
            variant="primary"
            size="large"
            data-testid="replay-sample"
            disabled={loading !== ''}
            onClick={onSample}
          >
            Open the sample
          </Button>
          <Button size="large" disabled={loading !== ''} onClick={() => file.current?.click()}>
            Choose a file…
          </Button>
          <input
            ref={file}
            type="file"
            class="r-file"
            data-testid="replay-file"
            aria-label="Recording"
            tabIndex={-1}
            accept={accepted}
            onChange={(e) => {
              onFile(e.currentTarget.files?.[0]);
              e.currentTarget.value = '';
            }}
          />
        </div>
        <p class="r-status" role="status">
          {loading ? `${loading} is being read…` : 'Or drop a file anywhere on this page.'}
        </p>
        <h2>How to record</h2>
        <p>
          Press <b>Save recording</b> on the <a href="/dashboard">dashboard</a>, or start the server with
        </p>
        <pre>
          <code>roamcall serve --record talk.jsonl --record-redact</code>
        </pre>
        <p class="r-small">
          With <code>--record-redact</code> there are no real addresses, names and rooms in it.
        </p>
      </div>
    </main>
  );
}
