// The bar of a call: what one presses during it.

import { useComputed } from '@preact/signals';
import { canShareScreen } from '../media/devices.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { ReactionPicker } from './gestures.tsx';
import { canRecord, RecordButton } from './record.tsx';
import type { CallEngine } from './types.ts';

/** What is open beside the call: one at a time, for it takes its room from the picture. */
export type Side = 'panel' | 'chat' | null;

export interface BarProps {
  engine: CallEngine;
  side: Side;
  onChat(): void;
  onPanel(): void;
  onDevices(): void;
  onRecord(): void;
  onView(): void;
  onMore(): void;
  onCopy(): void;
  onHelp(): void;
  onLeave(): void;
}

export function Bar({
  engine,
  side,
  onChat,
  onPanel,
  onDevices,
  onRecord,
  onView,
  onMore,
  onCopy,
  onHelp,
  onLeave,
}: BarProps) {
  const local = useComputed(() => engine.state.value.local);
  const { mic, camera, micAvailable, cameraAvailable, sharing, handRaised } = local.value;
  const panel = side === 'panel';
  return (
    <div class="bar" role="toolbar" aria-label="Call">
      <IconButton
        icon={mic ? 'mic' : 'mic-off'}
        label="Microphone"
        title={mic ? 'Mute (M)' : micAvailable ? 'Unmute (M)' : 'No microphone yet: press to allow it (M)'}
        class={mic ? 'round' : 'round off'}
        size="large"
        data-testid="mic"
        aria-pressed={mic}
        onClick={() => engine.setMic(!mic)}
      />
      <IconButton
        icon={camera ? 'camera' : 'camera-off'}
        label="Camera"
        title={
          camera
            ? 'Camera off (V)'
            : cameraAvailable
              ? 'Camera on (V)'
              : 'No camera yet: press to allow it (V)'
        }
        class={camera ? 'round' : 'round off'}
        size="large"
        data-testid="camera"
        aria-pressed={camera}
        onClick={() => engine.setCamera(!camera)}
      />
      {canShareScreen() && (
        <IconButton
          icon="screen"
          label="Share a screen"
          title={sharing ? 'Stop sharing' : 'Share a screen'}
          class={sharing ? 'round rare on' : 'round rare'}
          size="large"
          data-testid="share"
          aria-pressed={sharing}
          onClick={() => engine.share(!sharing)}
        />
      )}
      <IconButton
        icon="settings"
        label="Camera and microphone"
        class="round rare"
        size="large"
        data-testid="devices"
        onClick={onDevices}
      />
      <span class="bar-gap" />
      <ChatButton engine={engine} open={side === 'chat'} onPress={onChat} />
      <IconButton
        icon="hand"
        label="Raise your hand"
        title={handRaised ? 'Lower your hand (H)' : 'Raise your hand (H)'}
        class={handRaised ? 'round rare on' : 'round rare'}
        size="large"
        data-testid="hand"
        aria-pressed={handRaised}
        onClick={() => engine.raiseHand(!handRaised)}
      />
      <ReactionPicker engine={engine} />
      <span class="bar-gap" />
      {canRecord() && <RecordButton engine={engine} onPress={onRecord} />}
      <IconButton
        icon="layout"
        label="View"
        title="View: layout, measurements, full screen"
        class="round rare"
        size="large"
        data-testid="view"
        onClick={onView}
      />
      <IconButton
        icon="link"
        label="Copy link (C)"
        class="round rare"
        size="large"
        data-testid="copy-link"
        onClick={onCopy}
      />
      <Button
        icon="route"
        class={`panel-toggle ${panel ? 'on' : ''}`}
        size="large"
        data-testid="panel"
        aria-pressed={panel}
        aria-label="What QUIC does"
        title="What QUIC does (P)"
        onClick={onPanel}
      >
        <span>What QUIC does</span>
      </Button>
      <IconButton
        icon="help"
        label="Keys (?)"
        class="round help-button"
        size="large"
        data-testid="help-button"
        onClick={onHelp}
      />
      <IconButton
        icon="more"
        label="More"
        class="round more-button"
        size="large"
        data-testid="more"
        onClick={onMore}
      />
      <span class="bar-gap" />
      <Button
        variant="danger"
        size="large"
        icon="leave"
        class="leave"
        data-testid="leave"
        aria-label="Leave"
        onClick={onLeave}
      >
        <span>Leave</span>
      </Button>
    </div>
  );
}

interface ChatButtonProps {
  engine: CallEngine;
  open: boolean;
  onPress(): void;
}

/** More unread messages than this are not counted for the person. */
const MOST_COUNTED = 99;

function ChatButton({ engine, open, onPress }: ChatButtonProps) {
  const unread = useComputed(() => engine.state.value.chat.unread);
  const count = unread.value;
  return (
    <Button
      icon="chat"
      class={`icon-only round ${open ? 'on' : ''}`}
      size="large"
      data-testid="chat"
      aria-pressed={open}
      aria-label={count > 0 ? `Chat, ${count} unread` : 'Chat'}
      title={open ? 'Close the chat (T)' : 'Chat (T)'}
      onClick={onPress}
    >
      {count > 0 && (
        <span class="badge" data-testid="chat-unread" aria-hidden="true">
          {count > MOST_COUNTED ? `${MOST_COUNTED}+` : count}
        </span>
      )}
    </Button>
  );
}
