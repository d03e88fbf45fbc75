// After the call: left on purpose, or failed with the reason.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from '../ui/button.tsx';
import { formatSeconds } from '../ui/format.ts';
import { Icon, Mark } from '../ui/icons.tsx';
import { PhaseChip } from './call.tsx';
import type { CallEngine } from './types.ts';

export interface EndedProps {
  engine: CallEngine;
  room: string;
  onRejoin(): Promise<void>;
}

export function LeftScreen({ engine, room, onRejoin }: EndedProps) {
  const { freezes, frozenMs } = engine.state.value;
  return (
    <Ended title={`You left ${room}`} engine={engine} action="Rejoin" testid="rejoin" onRejoin={onRejoin}>
      <p>
        {freezes === 0
          ? 'No picture froze during your call.'
          : `Pictures froze for ${formatSeconds(frozenMs)} in total during your call.`}
      </p>
    </Ended>
  );
}

export function FailureScreen({ engine, room, onRejoin, joined }: EndedProps & { joined: boolean }) {
  const failure = engine.state.value.failure;
  return (
    <Ended
      title={joined ? `The call in ${room} ended` : `Could not join ${room}`}
      engine={engine}
      action="Try again"
      testid="try-again"
      onRejoin={onRejoin}
    >
      <p class="note bad" role="alert" data-testid="failure" data-code={failure?.code ?? ''}>
        <Icon name="warning" />
        <span>{failure?.message ?? 'Something went wrong.'}</span>
      </p>
    </Ended>
  );
}

interface FrameProps extends Omit<EndedProps, 'room'> {
  title: string;
  action: string;
  testid: string;
  children: preact.ComponentChildren;
}

function Ended({ title, engine, action, testid, onRejoin, children }: FrameProps) {
  const busy = useSignal(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Roamcall`;
    heading.current?.focus(); // the button that had the focus is gone
  }, [title]);
  return (
    <main class="ended">
      <div class="card">
        <Mark size={48} />
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
        <div class="ended-actions">
          <Button
            variant="primary"
            size="large"
            data-testid={testid}
            disabled={busy.value}
            onClick={() => {
              busy.value = true;
              void onRejoin();
            }}
          >
            {busy.value ? 'Joining…' : action}
          </Button>
          <a class="btn large outline" href="/" data-testid="to-lobby">
            Back to the lobby
          </a>
        </div>
        <div class="sr-only">
          <PhaseChip phase={engine.state.value.phase} />
        </div>
      </div>
    </main>
  );
}
