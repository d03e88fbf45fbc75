// The call that a lesson is about: this page joins a room of its own as a viewer, so that every picture, number and event on the page is of a real
// connection, its own. The test participant of the room is what it sees and hears.

import { useComputed, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { FreezeMeter } from '../call/freeze-meter.tsx';
import { useShown } from '../call/shown.ts';
import type { CallEngine } from '../call/types.ts';
import { toast } from '../ui/toast.tsx';
import './own-call.css';

/** Joins a room that nobody else is in, as long as the component is shown, and shows the engine's notices. */
export function useOwnCall(engine: CallEngine, name: string): void {
  const told = useRef(engine.state.peek().notice); // what stands there already is of another page
  useSignalEffect(() => {
    const { notice } = engine.state.value;
    if (notice && notice !== told.current) toast(notice.text);
    told.current = notice;
  });
  useEffect(() => {
    const room = `lesson-${Math.random().toString(36).slice(2, 10)}`;
    engine.join({ room, name, key: '', stream: null, mic: false, camera: false, codec: 'vp8' });
    return () => engine.leave();
  }, [engine, name]);
}

/** The picture of the first participant that sends one, with the freeze meter and what there is to say instead. */
export function OwnPicture({ engine }: { engine: CallEngine }) {
  const shown = useComputed(() => {
    const { remotes } = engine.state.value;
    return remotes.find((r) => r.tracks.some((t) => t.source === 'camera' && !t.muted)) ?? null;
  });
  const phase = useComputed(() => engine.state.value.phase);
  const failure = useComputed(() => engine.state.value.failure);
  const blocked = useComputed(() => engine.state.value.audioBlocked);
  const remote = shown.value;
  const waiting = failure.value?.message ?? (remote ? '' : words(phase.value));
  return (
    <figure class="own-call" data-testid="own-call" data-phase={phase.value}>
      <div class="own-call-stage">
        {remote && <Picture key={remote.id} engine={engine} id={remote.id} />}
        {waiting && <p role="status">{waiting}</p>}
        {phase.value === 'reconnecting' && <p role="status">Reconnecting…</p>}
        {blocked.value && (
          <button type="button" class="btn" onClick={() => engine.unblockAudio()}>
            Hear it, too
          </button>
        )}
      </div>
      <figcaption>
        <FreezeMeter engine={engine} />
      </figcaption>
    </figure>
  );
}

function words(phase: string): string {
  switch (phase) {
    case 'connecting':
      return 'Joining…';
    case 'connected':
      return 'Waiting for the test participant: the server sends one into each room if it was started with --bot 1.';
    case 'left':
      return 'This call is over.';
    default:
      return '';
  }
}

/** The picture of one participant. */
export function Picture({ engine, id }: { engine: CallEngine; id: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const remote = useComputed(() => engine.state.value.remotes.find((r) => r.id === id));
  useEffect(() => {
    if (!canvas.current) return;
    engine.attach(id, 'camera', canvas.current);
    return () => engine.detach(id, 'camera');
  }, [engine, id]);
  const stats = remote.value?.stats;
  useShown(engine, canvas, {
    id,
    source: 'camera',
    width: stats?.width ?? 0,
    height: stats?.height ?? 0,
    whole: true,
  });
  return (
    <canvas
      ref={canvas}
      role="img"
      aria-label={`The picture of ${remote.value?.name ?? 'the test participant'}`}
      data-testid="remote-video"
      data-participant={id}
      data-frames={stats?.framesRendered ?? 0}
      data-freezes={stats?.freezes ?? 0}
    />
  );
}
