// /replay: the dashboard over a recording, from a file or the sample that the program brings along. Once both are loaded nothing is asked of the server.

import { signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import sampleURL from '../../../assets/sample/handover.jsonl.gz?url';
import { createTimeControl } from '../dashboard/controller.ts';
import { Board } from '../dashboard/dashboard.tsx';
import type { Links } from '../dashboard/links.ts';
import type { Feed, Source } from '../dashboard/sse.ts';
import { parseTime } from '../dashboard/time.ts';
import { liveSpan } from '../dashboard/view.ts';
import { Button } from '../ui/button.tsx';
import { toast } from '../ui/toast.tsx';
import { Bar } from './bar.tsx';
import { Choose } from './choose.tsx';
import { type Recording, RecordingError } from './parse.ts';
import { Player } from './player.ts';
import { readRecording } from './read.ts';
import { accepted, endWords } from './words.ts';
import './replay.css';

interface Opened {
  number: number; // each is another
  recording: Recording;
  player: Player;
}

export function Replay({ sample }: { sample: boolean }) {
  const opened = useSignal<Opened | null>(null);
  const loading = useSignal('');
  const problem = useSignal('');
  const dragged = useSignal(false);
  const reading = useRef<AbortController | null>(null);
  const count = useRef(0);

  /** Opens what `get` gives, and leaves what is shown as it is if that cannot be. */
  const open = async (
    name: string,
    get: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array<ArrayBuffer>>>,
  ) => {
    reading.current?.abort(); // another is chosen
    reading.current = new AbortController();
    const { signal } = reading.current;
    loading.value = name;
    problem.value = '';
    try {
      const recording = await readRecording(await get(signal), { signal });
      if (signal.aborted) return;
      opened.peek()?.player.close();
      const player = new Player(recording);
      opened.value = { number: ++count.current, recording, player };
      player.play();
      if (recording.end === 'cut')
        toast(
          'The last line of this recording is cut off: the server ended while it wrote it. All before it is shown.',
          'info',
          8000,
        );
    } catch (error) {
      if (signal.aborted) return; // another was chosen meanwhile, or the person is gone
      const said = error instanceof RecordingError ? error.message : `${name} could not be read.`;
      problem.value = said;
      if (opened.peek()) toast(`${said} What was shown stays.`, 'warning', 8000);
    }
    loading.value = '';
  };
  const openFile = (file: File | undefined) => {
    if (file) void open(file.name, async () => file.stream() as ReadableStream<Uint8Array<ArrayBuffer>>);
  };
  const openSample = () => open('The sample', fetchSample);

  useEffect(() => {
    if (sample) void openSample();
  }, [sample]);
  useEffect(
    () => () => {
      reading.current?.abort();
      opened.peek()?.player.close();
    },
    [],
  );
  useDrop(openFile, (over) => (dragged.value = over));

  return (
    <div class={`r-replay${dragged.value ? ' over' : ''}`}>
      {opened.value ? (
        <Shown {...opened.value} onFile={openFile} />
      ) : (
        <Choose loading={loading.value} problem={problem.value} onFile={openFile} onSample={openSample} />
      )}
      {dragged.value && <div class="r-drop">Drop the recording to open it</div>}
    </div>
  );
}

async function fetchSample(signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const response = await fetch(sampleURL, { signal }).catch(() => null);
  if (!response?.ok || !response.body) throw new RecordingError('The sample did not load from the server.');
  return response.body;
}

/** Nothing that a server would have to do is offered. */
const noLinks: Links = { list: signal([]), switch: async () => {}, refresh() {}, close() {} };

function Shown({ number, recording, player, onFile }: Opened & { onFile: (file: File | undefined) => void }) {
  const parts = useMemo(() => {
    const begun = parseTime(recording.header.time);
    const feed: Feed = {
      state: 'recorded',
      begun: Number.isFinite(begun) ? begun : player.begin,
      redacted: recording.header.redacted,
    };
    const source: Source = { feed: signal(feed), unlock: async () => {}, close() {} };
    const control = createTimeControl(player.now, liveSpan, {
      present: 'Now',
      hold: 'Hold this part of the time',
      follow: 'Follow the recording (L)',
    });
    return { live: player, source, links: noLinks, control };
  }, [player]);
  const file = useRef<HTMLInputElement>(null);
  return (
    <>
      <Board key={number} {...parts} />
      <Bar player={player} recording={recording} onMove={() => parts.control.follow()}>
        {recording.end !== 'stopped' && (
          <span class="chip" tabIndex={0} data-testid="replay-end" data-hint={endWords[recording.end]}>
            {recording.end === 'limit' ? 'ends at its limit' : 'ends abruptly'}
          </span>
        )}
        <Button size="small" variant="outline" onClick={() => file.current?.click()}>
          Open…
        </Button>
        <input
          ref={file}
          type="file"
          class="r-file"
          data-testid="replay-file"
          aria-label="Open another recording"
          tabIndex={-1}
          accept={accepted}
          onChange={(e) => {
            onFile(e.currentTarget.files?.[0]);
            e.currentTarget.value = '';
          }}
        />
      </Bar>
    </>
  );
}

/** A file may be dropped anywhere. */
function useDrop(open: (file: File | undefined) => void, over: (yes: boolean) => void): void {
  useEffect(() => {
    let depth = 0; // leaving an element for one within it is not leaving the page
    const has = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const listeners: [string, (event: DragEvent) => void][] = [
      ['dragenter', (event) => has(event) && over(++depth > 0)],
      ['dragleave', (event) => has(event) && over(--depth > 0)],
      ['dragover', (event) => has(event) && event.preventDefault()],
      [
        'drop',
        (event) => {
          if (!has(event)) return;
          event.preventDefault();
          depth = 0;
          over(false);
          open(event.dataTransfer?.files[0]);
        },
      ],
    ];
    for (const [type, listener] of listeners) addEventListener(type, listener as EventListener);
    return () => {
      for (const [type, listener] of listeners) removeEventListener(type, listener as EventListener);
    };
  }, []);
}
