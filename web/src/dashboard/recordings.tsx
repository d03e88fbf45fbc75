// Recordings on the dashboard: saving one, the way to the page that shows them, and what says that this is one.

import { Button } from '../ui/button.tsx';
import { toast } from '../ui/toast.tsx';
import type { Recorder } from './recorder.ts';

/** What is known of a recording, for the mark that stands where a live dashboard says "live". */
export function RecordedMark({ begun, redacted }: { begun: number; redacted: boolean }) {
  return (
    <>
      <span class="d-feed recorded" data-testid="feed" data-state="recorded">
        <span class="d-dot" /> Recording of {dayText(begun)}
      </span>
      <span
        class="chip"
        tabIndex={0}
        data-testid="redacted"
        data-redacted={redacted}
        data-hint={
          redacted
            ? 'Addresses, names and rooms in this recording are not the real ones: others stand in their place, each always for the same one.'
            : 'Addresses and names in this recording are the real ones. The server writes recordings without them with --record-redact.'
        }
      >
        {redacted ? 'redacted' : 'real names and addresses'}
      </span>
    </>
  );
}

export function RecordingTools({ recorder }: { recorder: Recorder }) {
  return (
    <div class="d-recordings">
      <Button
        size="small"
        variant="outline"
        data-testid="save-recording"
        data-hint="Saves what this dashboard was told since it was opened, to be shown again on the replay page. Addresses and names are in it, but no media."
        onClick={() => save(recorder)}
      >
        Save recording
      </Button>
      <a
        class="btn small outline"
        href="/replay"
        data-testid="to-replay"
        data-hint="Shows a recording again, without a server that runs calls."
      >
        Replay a file
      </a>
      <a
        class="btn small outline"
        href="/replay/sample"
        data-testid="to-sample"
        data-hint="Shows a call that was recorded: changes of network of every kind, with marks that name them."
      >
        Sample
      </a>
    </div>
  );
}

function save(recorder: Recorder): void {
  const blob = new Blob([`${recorder.lines().join('\n')}\n`], { type: 'application/jsonl' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `roamcall-${fileTime(new Date())}.jsonl`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  toast('The recording is saved as a file.', 'check');
}

/** 20261128-1020, in local time. */
function fileTime(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}-${two(at.getHours())}${two(at.getMinutes())}`;
}

/** 28 Nov 2026, 10:20, as is usual where the reader is. */
export function dayText(at: number): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
