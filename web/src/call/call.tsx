// The call page.

import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { callLink } from '../lobby/places.ts';
import { config } from '../server.ts';
import { IconButton } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { Icon, Mark } from '../ui/icons.tsx';
import { lazy } from '../ui/lazy.tsx';
import { recallFlag, rememberFlag } from '../ui/storage.ts';
import { toast } from '../ui/toast.tsx';
import { Bar, type Side } from './bar.tsx';
import {
  useAnnouncements,
  useChatAnnouncements,
  useHandover,
  useLeaveWithPage,
  useMutedHint,
  useShortcuts,
  useSpeakerAnnouncements,
  useTitle,
  useWakeLock,
} from './effects.ts';
import { FreezeMeter } from './freeze-meter.tsx';
import { toggleFullScreen } from './full-screen.ts';
import { Lock } from './lock.tsx';
import { Networks, useStyle } from './networks.tsx';
import { canRecord } from './record.tsx';
import { Stage } from './stage.tsx';
import type { CallEngine, Phase } from './types.ts';
import { useView } from './view.ts';
import { styleOn } from './words.ts';

// What is opened seldom is loaded after the call has begun, and before a network can be missing.
const SELDOM = {
  panel: () => import('../dashboard/panel.tsx'),
  chat: () => import('./chat-panel.tsx'),
  devices: () => import('./devices.tsx'),
  help: () => import('./help.tsx'),
  more: () => import('./more-dialog.tsx'),
  recorder: () => import('./recording/recorder.ts'),
  facts: () => import('./tile-facts.tsx'),
  screen: () => import('../media/screen.ts'),
  view: () => import('./view-dialog.tsx'),
};
const ConnectionPanel = lazy(async () => (await SELDOM.panel()).ConnectionPanel);
const ChatPanel = lazy(async () => (await SELDOM.chat()).ChatPanel);
const DevicesDialog = lazy(async () => (await SELDOM.devices()).DevicesDialog);
const HelpDialog = lazy(async () => (await SELDOM.help()).HelpDialog);
const MoreDialog = lazy(async () => (await SELDOM.more()).MoreDialog);
const ViewDialog = lazy(async () => (await SELDOM.view()).ViewDialog);
const LOAD_AFTER_MS = 3_000;

const PHASES: Record<Phase, string> = {
  idle: 'Not in a call',
  connecting: 'Joining…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  left: 'Left',
  failed: 'Failed',
};

export function CallPage({ engine, onLeave }: { engine: CallEngine; onLeave(): void }) {
  const side = useSignal<Side>(recallFlag('panel') ? 'panel' : null);
  const dialog = useSignal<'devices' | 'help' | 'view' | 'more' | null>(null);
  const draft = useSignal('');
  const view = useView(engine);
  const style = useStyle();
  const handover = useHandover(engine);

  const show = (what: Side) => {
    side.value = what;
    rememberFlag('panel', what === 'panel');
    engine.openChat(what === 'chat');
  };
  const toggle = (what: Side) => show(side.value === what ? null : what);
  const copy = () => {
    const link = callLink(engine.state.peek(), location, config.value);
    void copyText(link.url, link.local ? 'Copied (works on this machine only)' : 'Link copied');
  };
  const record = () => {
    SELDOM.recorder().then(
      ({ toggleRecording }) => toggleRecording(engine, () => view.large.peek()),
      () => toast('The recorder did not load. Please try again.'),
    );
  };
  const close = () => {
    dialog.value = null;
  };

  useEffect(() => {
    const timer = setTimeout(() => {
      for (const load of Object.values(SELDOM)) load().catch(() => undefined); // it is tried again when it is opened
    }, LOAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  useWakeLock();
  useTitle(engine);
  useAnnouncements(engine);
  useMutedHint(engine);
  useSpeakerAnnouncements(engine, view.spoken);
  useChatAnnouncements(engine);
  useLeaveWithPage(engine);
  useShortcuts(engine, (action) => {
    const { local, link } = engine.state.peek();
    switch (action.do) {
      case 'mic':
        return engine.setMic(!local.mic);
      case 'camera':
        return engine.setCamera(!local.camera);
      case 'chat':
        return toggle('chat');
      case 'hand':
        return engine.raiseHand(!local.handRaised);
      case 'copy':
        return copy();
      case 'panel':
        return toggle('panel');
      case 'help':
        dialog.value = 'help';
        return;
      case 'close':
        return show(null);
      case 'layout':
        return view.toggle();
      case 'facts':
        view.facts.value = !view.facts.peek();
        return;
      case 'full':
        return toggleFullScreen();
      case 'record':
        if (canRecord()) record();
        return;
      case 'network': {
        const network = link?.networks[action.index];
        if (network && link) engine.switchNetwork(network.name, styleOn(link, style.value));
      }
    }
  });

  return (
    <div class={side.value === null ? 'call' : `call with-${side.value}`}>
      <main class="call-main" data-theme="dark">
        <CallHead engine={engine} />
        <Stage engine={engine} view={view} handover={handover.value} onCopy={copy} />
        <div class="call-foot">
          <Networks engine={engine} style={style} />
          <Bar
            engine={engine}
            side={side.value}
            onChat={() => toggle('chat')}
            onPanel={() => toggle('panel')}
            onDevices={() => {
              dialog.value = 'devices';
            }}
            onRecord={record}
            onView={() => {
              dialog.value = 'view';
            }}
            onMore={() => {
              dialog.value = 'more';
            }}
            onCopy={copy}
            onHelp={() => {
              dialog.value = 'help';
            }}
            onLeave={onLeave}
          />
        </div>
      </main>
      {side.value === 'chat' && <ChatPanel engine={engine} draft={draft} onClose={() => show(null)} />}
      {side.value === 'panel' && (
        <aside class="call-panel" aria-label="What QUIC does">
          <header class="call-panel-head">
            <h2>What QUIC does</h2>
            <a class="btn ghost small" href="/dashboard" target="_blank" rel="noopener">
              Dashboard
              <Icon name="external" />
            </a>
            <IconButton icon="close" label="Close (P)" variant="ghost" onClick={() => show(null)} />
          </header>
          <div class="call-panel-body">
            <ConnectionPanel engine={engine} />
          </div>
        </aside>
      )}
      {dialog.value === 'devices' && <DevicesDialog engine={engine} onClose={close} />}
      {dialog.value === 'more' && (
        <MoreDialog
          engine={engine}
          onDevices={() => {
            dialog.value = 'devices';
          }}
          onRecord={record}
          onView={() => {
            dialog.value = 'view';
          }}
          onCopy={copy}
          onClose={close}
        />
      )}
      {dialog.value === 'view' && <ViewDialog view={view} onClose={close} />}
      {dialog.value === 'help' && <HelpDialog onClose={close} />}
    </div>
  );
}

function CallHead({ engine }: { engine: CallEngine }) {
  const room = useComputed(() => engine.state.value.room);
  const phase = useComputed(() => engine.state.value.phase);
  const transport = useComputed(() => engine.state.value.transport);
  const secret = useComputed(() => engine.state.value.key);
  const people = useComputed(() => engine.state.value.remotes.length + 1);
  return (
    <header class="call-head">
      <Mark size={30} />
      <h1 title={room.value}>{room}</h1>
      <span class="head-fact" title={`${people.value} in the call`}>
        <Icon name="people" />
        <span>{people}</span>
        <span class="sr-only"> in the call</span>
      </span>
      <PhaseChip phase={phase.value} />
      {secret.value !== '' && <Lock secret={secret.value} />}
      {transport.value === 'websocket' && <TCPChip />}
      <FreezeMeter engine={engine} />
    </header>
  );
}

function TCPChip() {
  return (
    <span
      class="head-fact"
      data-testid="transport"
      data-transport="websocket"
      tabIndex={0}
      title="UDP does not pass here, or this browser has no WebTransport, so the call goes over TCP: whatever is lost delays all that follows, and a change of network ends the connection; another one takes the call over."
    >
      over TCP
    </span>
  );
}

export function PhaseChip({ phase }: { phase: Phase }) {
  return (
    <span class={`phase phase-${phase}`} data-testid="phase" data-phase={phase}>
      <span class="phase-dot" aria-hidden="true" />
      <span class="phase-word">{PHASES[phase]}</span>
    </span>
  );
}
