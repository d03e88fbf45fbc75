// Which screen is shown: by the address, and within a call by its phase.

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { CallPage } from './call/call.tsx';
import { FailureScreen, LeftScreen } from './call/ended.tsx';
import { createCallEngine } from './call/engine.ts';
import { fragmentOf } from './call/key.ts';
import type { CallEngine, JoinOptions } from './call/types.ts';
import { Lobby } from './lobby/lobby.tsx';
import { openDevices } from './lobby/preview.ts';
import { callPath, navigate, route } from './router.ts';
import { lazy } from './ui/lazy.tsx';
import { ToastHost } from './ui/toast.tsx';

const Pages = lazy(async () => (await import('./pages.tsx')).Pages);

export function App({ engine }: { engine: CallEngine }) {
  return (
    <>
      <Screen engine={engine} />
      <ToastHost />
    </>
  );
}

function Screen({ engine }: { engine: CallEngine }) {
  /** How the person joined, while this page is about that call. The stream is the engine's. */
  const joined = useSignal<Omit<JoinOptions, 'stream'> | null>(null);
  const phase = useComputed(() => engine.state.value.phase);
  // As the person left them: who muted and comes back stays muted.
  const devices = useRef({ mic: false, camera: false, micId: '', cameraId: '' });

  const join = (options: JoinOptions) => {
    engine.join(options);
    connected.value = false;
    const { stream: _, ...rest } = options;
    joined.value = rest;
    navigate(callPath(options.room) + fragmentOf(options.key));
  };
  const rejoin = async () => {
    if (!joined.value) return;
    const { mic, camera, micId, cameraId } = devices.current;
    const { tracks } = await openDevices([
      ...(mic ? [{ kind: 'microphone' as const, id: micId, exactly: false }] : []),
      ...(camera ? [{ kind: 'camera' as const, id: cameraId, exactly: false }] : []),
    ]);
    const has = (kind: string) => tracks.some((t) => t.kind === kind);
    const stream = tracks.length > 0 ? new MediaStream(tracks) : null;
    if (!joined.value) {
      for (const track of tracks) track.stop(); // went elsewhere in the meantime
      return;
    }
    join({ ...joined.value, stream, mic: mic && has('audio'), camera: camera && has('video') });
  };

  const connected = useSignal(false); // at any time since joining

  useSignalEffect(() => {
    const { phase: now, local } = engine.state.value;
    if (now === 'connected' || now === 'reconnecting') {
      connected.value = true;
      devices.current = {
        mic: local.mic,
        camera: local.camera,
        micId: local.micId,
        cameraId: local.cameraId,
      };
    } else if (now === 'connecting' && joined.peek()) {
      const { mic, camera } = joined.peek() ?? { mic: false, camera: false };
      devices.current = { ...devices.current, mic, camera };
    }
  });
  // Going elsewhere, with the browser's Back for example, leaves the call.
  useSignalEffect(() => {
    const at = route.value;
    const call = joined.peek();
    if (!call || (at.page === 'call' && at.room === call.room)) return;
    engine.leave();
    joined.value = null;
  });

  const at = route.value;
  const call = joined.value;
  if (at.page === 'missing') return <Missing />;
  if (at.page !== 'call' && at.page !== 'lobby')
    return <Pages at={at} engine={engine} newEngine={createCallEngine} />;
  if (at.page === 'call' && call && at.room === call.room) {
    if (phase.value === 'left') return <LeftScreen engine={engine} room={call.room} onRejoin={rejoin} />;
    if (phase.value === 'failed')
      return <FailureScreen engine={engine} room={call.room} joined={connected.value} onRejoin={rejoin} />;
    return <CallPage engine={engine} onLeave={() => engine.leave()} />;
  }
  return (
    <Lobby
      key={at.page === 'call' ? at.room : ''}
      engine={engine}
      room={at.page === 'call' ? at.room : null}
      onJoin={join}
    />
  );
}

function Missing() {
  return (
    <main class="ended">
      <div class="card">
        <h1>There is nothing here</h1>
        <p>The address may have a typing error.</p>
        <div class="ended-actions">
          <a class="btn primary large" href="/">
            To the lobby
          </a>
        </div>
      </div>
    </main>
  );
}
