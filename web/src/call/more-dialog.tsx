// On a phone: what the bar has no room for.

import { useComputed } from '@preact/signals';
import { canShareScreen } from '../media/devices.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Reactions } from './gestures.tsx';
import { canRecord } from './record.tsx';
import type { CallEngine } from './types.ts';

export interface MoreDialogProps {
  engine: CallEngine;
  onDevices(): void;
  onRecord(): void;
  onView(): void;
  onCopy(): void;
  onClose(): void;
}

export function MoreDialog({ engine, onDevices, onRecord, onView, onCopy, onClose }: MoreDialogProps) {
  const local = useComputed(() => engine.state.value.local);
  const { sharing, handRaised, recordingSince } = local.value;
  const after = (act: () => void) => () => {
    onClose();
    act();
  };
  return (
    <Dialog title="More" onClose={onClose} testid="more-dialog">
      <Reactions onChoose={(emoji) => after(() => engine.react(emoji))()} />
      <div class="more">
        <Button icon="hand" size="large" onClick={after(() => engine.raiseHand(!handRaised))}>
          {handRaised ? 'Lower your hand' : 'Raise your hand'}
        </Button>
        {canShareScreen() && (
          <Button icon="screen" size="large" onClick={after(() => engine.share(!sharing))}>
            {sharing ? 'Stop sharing' : 'Share a screen'}
          </Button>
        )}
        {canRecord() && (
          <Button icon="record" size="large" onClick={after(onRecord)}>
            {recordingSince > 0 ? 'End the recording' : 'Record'}
          </Button>
        )}
        <Button icon="settings" size="large" onClick={onDevices}>
          Camera, microphone and sound
        </Button>
        <Button icon="layout" size="large" onClick={onView}>
          View
        </Button>
        <Button icon="link" size="large" onClick={after(onCopy)}>
          Copy link
        </Button>
      </div>
    </Dialog>
  );
}
