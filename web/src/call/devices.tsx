// Changing camera or microphone in mid-call.

import { useComputed, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Devices, listDevices } from '../lobby/preview.ts';
import { DeviceSelect } from '../lobby/preview-card.tsx';
import { canChooseSpeaker } from '../media/sound.ts';
import { Dialog } from '../ui/dialog.tsx';
import { formatRate } from '../ui/format.ts';
import { LevelMeter } from '../ui/meter.tsx';
import { remember } from '../ui/storage.ts';
import type { CallEngine } from './types.ts';

export function DevicesDialog({ engine, onClose }: { engine: CallEngine; onClose(): void }) {
  const devices = useSignal<Devices>({ microphones: [], cameras: [], speakers: [] });
  const local = useComputed(() => engine.state.value.local);
  const level = useComputed(() => (local.value.mic ? local.value.level : 0));
  useEffect(() => {
    const read = async () => {
      devices.value = await listDevices();
    };
    void read();
    navigator.mediaDevices?.addEventListener('devicechange', read);
    return () => navigator.mediaDevices?.removeEventListener('devicechange', read);
  }, [devices]);
  const l = local.value;
  return (
    <Dialog title="Camera, microphone and sound" onClose={onClose} testid="devices-dialog">
      <div class="field">
        <DeviceSelect
          id="call-camera"
          label="Camera"
          devices={devices.value.cameras}
          value={l.cameraId}
          onChoose={(id) => {
            remember('camera', id);
            engine.setCameraDevice(id);
          }}
        />
        <span class="field-hint">
          {l.camera && l.width > 0
            ? `Sending ${l.width} × ${l.height}, ${Math.round(l.fps)} frames/s in ${l.codec.toUpperCase()}, ${formatRate(l.bitrate)}`
            : 'The camera is off.'}
        </span>
      </div>
      {l.camera && l.blurOffered && (
        <label class="check">
          <input
            type="checkbox"
            data-testid="background-blur"
            checked={l.backgroundBlur}
            onChange={(e) => engine.setBackgroundBlur(e.currentTarget.checked)}
          />
          <span>Blur my background</span>
        </label>
      )}
      <div class="field">
        <DeviceSelect
          id="call-mic"
          label="Microphone"
          devices={devices.value.microphones}
          value={l.micId}
          onChoose={(id) => {
            remember('mic', id);
            engine.setMicDevice(id);
          }}
        />
        <LevelMeter level={level} label="Microphone level" />
        <span class="field-hint">{l.mic ? 'Speak: the bar should move.' : 'You are muted.'}</span>
      </div>
      <label class="check">
        <input
          type="checkbox"
          data-testid="noise-suppression"
          checked={l.noiseSuppression}
          onChange={(e) => engine.setNoiseSuppression(e.currentTarget.checked)}
        />
        <span>
          Suppress noise <small>(off for music)</small>
        </span>
      </label>
      {canChooseSpeaker() && devices.value.speakers.length > 0 && (
        <div class="field">
          <DeviceSelect
            id="call-speaker"
            label="Speaker"
            devices={devices.value.speakers}
            value={l.speakerId || 'default'}
            onChoose={(id) => engine.setSpeaker(id)}
          />
        </div>
      )}
    </Dialog>
  );
}
