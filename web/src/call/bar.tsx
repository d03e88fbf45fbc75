// The bar of a call: what one presses during it.

import { useComputed } from '@preact/signals';
import { canShareScreen } from '../media/screen.ts';
import { Button, IconButton } from '../ui/button.tsx';
import type { CallEngine } from './types.ts';

export interface BarProps {
  engine: CallEngine;
  panel: boolean;
  onPanel(): void;
  onDevices(): void;
  onView(): void;
  onCopy(): void;
  onHelp(): void;
  onLeave(): void;
}

export function Bar({ engine, panel, onPanel, onDevices, onView, onCopy, onHelp, onLeave }: BarProps) {
  const local = useComputed(() => engine.state.value.local);
  const { mic, camera, micAvailable, cameraAvailable, sharing } = local.value;
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
          class={sharing ? 'round on' : 'round'}
          size="large"
          data-testid="share"
          aria-pressed={sharing}
          onClick={() => engine.share(!sharing)}
        />
      )}
      <IconButton
        icon="settings"
        label="Camera and microphone"
        class="round"
        size="large"
        data-testid="devices"
        onClick={onDevices}
      />
      <span class="bar-gap" />
      <IconButton
        icon="layout"
        label="View"
        title="View: layout, measurements, full screen"
        class="round"
        size="large"
        data-testid="view"
        onClick={onView}
      />
      <IconButton
        icon="link"
        label="Copy link (C)"
        class="round"
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
