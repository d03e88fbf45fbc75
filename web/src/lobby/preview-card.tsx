// The preview: what the others will see and hear, the switches for both, and which devices they come from.

import { useComputed, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { Button, IconButton } from '../ui/button.tsx';
import { Icon } from '../ui/icons.tsx';
import { LevelMeter } from '../ui/meter.tsx';
import type { Device, Preview } from './preview.ts';
import type { DeviceProblem } from './problems.ts';

export function PreviewCard({ preview, able }: { preview: Preview; able: boolean }) {
  const video = useRef<HTMLVideoElement>(null);
  const showing = useComputed(() => preview.stream.value?.getVideoTracks().length === 1);
  useSignalEffect(() => {
    if (video.current) video.current.srcObject = showing.value ? preview.stream.value : null;
  });
  const mic = preview.mic.value && preview.micProblem.value === null;
  const camera = preview.camera.value && preview.cameraProblem.value === null;
  const problems = [...new Set([preview.cameraProblem.value, preview.micProblem.value])].filter(
    (p): p is DeviceProblem => p !== null,
  );
  return (
    <section class="preview" aria-label="Your camera and microphone">
      <div class="preview-stage" data-theme="dark">
        <video
          ref={video}
          class="mirrored"
          data-testid="preview"
          hidden={!showing.value}
          autoPlay
          muted
          playsInline
        />
        {!showing.value && (
          <p class="preview-empty">
            <Icon name={camera && preview.opening.value ? 'camera' : 'camera-off'} />
            {!able
              ? 'No preview in this browser'
              : preview.opening.value
                ? 'Waiting for your camera…'
                : camera
                  ? 'No picture'
                  : 'Camera is off'}
          </p>
        )}
        <div class="preview-controls">
          <IconButton
            icon={mic ? 'mic' : 'mic-off'}
            label={mic ? 'Join muted' : 'Join with microphone'}
            class={mic ? 'round' : 'round off'}
            size="large"
            data-testid="join-mic"
            aria-pressed={mic}
            disabled={!able}
            onClick={() => preview.setMic(!mic)}
          />
          <IconButton
            icon={camera ? 'camera' : 'camera-off'}
            label={camera ? 'Join without camera' : 'Join with camera'}
            class={camera ? 'round' : 'round off'}
            size="large"
            data-testid="join-camera"
            aria-pressed={camera}
            disabled={!able}
            onClick={() => preview.setCamera(!camera)}
          />
        </div>
      </div>
      {problems.map((p) => (
        <div key={p.title} class="note warn" role="alert" data-testid="device-problem" data-code={p.code}>
          <Icon name="warning" />
          <div>
            <strong>{p.title}</strong>
            {p.advice} You can join without it.
          </div>
          <Button size="small" variant="outline" onClick={() => preview.retry()}>
            Try again
          </Button>
        </div>
      ))}
      {able && (
        <div class="preview-devices">
          <div class="field">
            <DeviceSelect
              id="camera-device"
              label="Camera"
              devices={preview.devices.value.cameras}
              value={preview.cameraId.value}
              onChoose={(id) => preview.choose('camera', id)}
            />
          </div>
          <div class="field">
            <DeviceSelect
              id="mic-device"
              label="Microphone"
              devices={preview.devices.value.microphones}
              value={preview.micId.value}
              onChoose={(id) => preview.choose('microphone', id)}
            />
            <LevelMeter level={preview.level} label="Microphone level" />
          </div>
        </div>
      )}
    </section>
  );
}

export interface DeviceSelectProps {
  id: string;
  label: string;
  devices: Device[];
  value: string;
  onChoose(id: string): void;
}

export function DeviceSelect({ id, label, devices, value, onChoose }: DeviceSelectProps) {
  return (
    <>
      <label for={id}>{label}</label>
      <select
        id={id}
        class="select"
        data-testid={id}
        value={devices.some((d) => d.id === value) ? value : ''}
        disabled={devices.length === 0}
        onChange={(e) => onChoose(e.currentTarget.value)}
      >
        {devices.length === 0 && <option value="">None found, or not allowed yet</option>}
        {devices.length > 0 && !devices.some((d) => d.id === value) && <option value="">Choose…</option>}
        {devices.map((d) => (
          <option key={d.id} value={d.id}>
            {d.label}
          </option>
        ))}
      </select>
    </>
  );
}
