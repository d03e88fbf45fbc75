// The lobby: who you are, where you meet, what the others will see and hear. Joining is one press and never waits for a device.

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { CallEngine, JoinOptions } from '../call/types.ts';
import { calls, config, unreachable, watchServer } from '../server.ts';
import { Button } from '../ui/button.tsx';
import { Icon, Mark } from '../ui/icons.tsx';
import { lazy } from '../ui/lazy.tsx';
import { recall, remember } from '../ui/storage.ts';
import { ThemeToggle } from '../ui/theme-toggle.tsx';
import { toast } from '../ui/toast.tsx';
import { EncryptSwitch, KeyProblem, useKey } from './encrypt.tsx';
import { Preview } from './preview.ts';
import { PreviewCard } from './preview-card.tsx';
import { DEFAULT_ROOM, nameProblem, normalRoom, roomProblem } from './rules.ts';
import {
  BROWSERS_THAT_WORK,
  CODEC_TITLES,
  encodableCodecs,
  missingParts,
  type VideoCodec,
} from './support.ts';

const Insecure = lazy(async () => {
  const { insecureProblem } = await import('./problems.ts');
  return ({ secureUrl }: { secureUrl: string | null }) => <Trouble {...insecureProblem(secureUrl)} />;
});
const PhoneCard = lazy(async () => (await import('./phone.tsx')).PhoneCard);

export interface LobbyProps {
  engine: CallEngine;
  /** From the address, or null on the front page. */
  room: string | null;
  onJoin(options: JoinOptions): void;
}

/** How long Join waits for devices that are just being opened; after it the person joins without them. */
const PATIENCE_MS = 1500;

export function Lobby({ engine, room: given, onJoin }: LobbyProps) {
  const name = useSignal(recall('name') ?? '');
  const room = useSignal(given ?? recall('room') ?? DEFAULT_ROOM);
  const codec = useSignal<VideoCodec>('vp8');
  const codecs = useSignal<VideoCodec[]>([]);
  const tried = useSignal(false); // pressed Join: from now on say what is wrong with empty fields too
  const joining = useSignal(false);
  const preview = useMemo(() => new Preview(), []);
  const nameField = useRef<HTMLInputElement>(null);
  const roomField = useRef<HTMLInputElement>(null);

  const secure = isSecureContext;
  const missing = useMemo(() => (secure ? missingParts(window) : []), [secure]);
  const key = useKey();
  const able = secure && missing.length === 0;

  useEffect(() => watchServer(), []);
  useEffect(() => {
    if (!able) return;
    preview.start();
    engine.prepare();
    void encodableCodecs().then((list) => {
      codecs.value = list;
    });
    return () => preview.stop();
  }, [able, engine, preview, codecs]);
  useEffect(() => {
    if (given !== null) room.value = given;
  }, [given, room]);
  useEffect(() => {
    // Enter joins from here. Not on a phone, whose keyboard would cover the page.
    if (!matchMedia('(pointer: coarse)').matches) nameField.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    document.title = given ? `${given} · Roamcall` : 'Roamcall';
  }, [given]);

  const roomError = useComputed(() => {
    const value = normalRoom(room.value);
    return value === '' && !tried.value ? null : roomProblem(value);
  });
  const nameError = useComputed(() =>
    name.value.trim() === '' && !tried.value ? null : nameProblem(name.value),
  );
  const full = useComputed(() => {
    const here = calls.value.find((c) => c.room === normalRoom(room.value));
    const limit = config.value?.max_participants ?? 0;
    return here !== undefined && limit > 0 && here.participants.length >= limit;
  });

  const submit = async (e: Event) => {
    e.preventDefault();
    const secret = key.value;
    if (joining.value || !able || secret === null) return;
    tried.value = true;
    if (nameError.value) return nameField.current?.focus();
    if (roomError.value) return roomField.current?.focus();
    joining.value = true;
    remember('name', name.value.trim());
    remember('room', normalRoom(room.value));
    if (preview.opening.value) await preview.settled(PATIENCE_MS);
    const waiting = preview.opening.value;
    const stream = preview.take();
    const has = (kind: string) => stream?.getTracks().some((t) => t.kind === kind) ?? false;
    if (waiting)
      toast('You joined before camera and microphone were allowed. Turn them on below.', 'info', 6000);
    onJoin({
      room: normalRoom(room.value),
      name: name.value.trim(),
      key: secret,
      stream,
      mic: preview.mic.value && has('audio'),
      camera: preview.camera.value && has('video'),
      codec: codec.value,
    });
  };

  return (
    <div class="lobby">
      {/* Not a link: its fragment would take the place of the call's key. */}
      <button type="button" class="skip-link" onClick={() => nameField.current?.focus()}>
        Skip to joining
      </button>
      <header class="lobby-head">
        <a class="brand" href="/">
          <Mark size={34} />
          <span>Roamcall</span>
        </a>
        <nav>
          <a class="btn ghost" href="/dashboard">
            <Icon name="route" />
            <span>Dashboard</span>
          </a>
          <ThemeToggle />
        </nav>
      </header>

      <main class="lobby-main">
        <section class="lobby-intro">
          <h1>A call that goes on while you change network.</h1>
          <p>
            Go from Wi-Fi to cellular in mid-sentence and keep talking. The <a href="/dashboard">dashboard</a>{' '}
            shows live what QUIC does about it, and a <a href="/lesson">lesson</a> why it works.
          </p>
        </section>

        <div class="lobby-column">
          <PreviewCard preview={preview} able={able} />
          <PhoneCard
            call={{
              room: roomProblem(normalRoom(room.value)) === null ? normalRoom(room.value) : DEFAULT_ROOM,
              key: key.value ?? '',
            }}
          />
        </div>

        <div class="lobby-column">
          <form id="join-form" class="card join-card" onSubmit={submit} noValidate>
            {!secure && <Insecure secureUrl={config.value?.lan_urls[0] ?? null} />}
            {missing.length > 0 && (
              <Trouble
                title="This browser cannot make the call."
                advice={`It lacks ${missing.join(', ')}. These work: ${BROWSERS_THAT_WORK}.`}
              />
            )}
            {unreachable.value && (
              <Trouble
                title={unreachable.value}
                advice="Is roamcall serve running? This page keeps trying."
              />
            )}
            <div class="field">
              <label for="name">Your name</label>
              <input
                ref={nameField}
                id="name"
                class="input"
                data-testid="name"
                autoComplete="name"
                placeholder="As the others will see it"
                value={name}
                aria-invalid={nameError.value !== null}
                aria-describedby="name-error"
                onInput={(e) => {
                  name.value = e.currentTarget.value;
                }}
              />
              <span id="name-error" class="field-error" role="alert">
                {nameError.value}
              </span>
            </div>
            <div class="field">
              <label for="room">Room</label>
              <input
                ref={roomField}
                id="room"
                class="input"
                data-testid="room"
                autoComplete="off"
                autoCapitalize="none"
                spellcheck={false}
                value={room}
                aria-invalid={roomError.value !== null}
                aria-describedby="room-error"
                onInput={(e) => {
                  room.value = e.currentTarget.value;
                }}
                onBlur={() => {
                  room.value = normalRoom(room.value);
                }}
              />
              <span id="room-error" class="field-error" role="alert">
                {roomError.value ?? (full.value ? 'This call is full at the moment.' : null)}
              </span>
            </div>
            {key.value === null ? <KeyProblem /> : <EncryptSwitch secret={key.value} able={able} />}
            <Button
              type="submit"
              variant="primary"
              size="large"
              data-testid="join"
              disabled={!able || joining.value || key.value === null}
            >
              {joining.value ? 'Joining…' : 'Join'}
            </Button>
            <JoinHint preview={preview} able={able} />
            <details class="more">
              <summary>
                More
                <Icon name="chevron" />
              </summary>
              <div class="field">
                <label for="codec">Video codec that you send</label>
                <select
                  id="codec"
                  class="select"
                  data-testid="codec"
                  value={codec.value}
                  onChange={(e) => {
                    codec.value = e.currentTarget.value as VideoCodec;
                  }}
                >
                  {codecs.value.map((c) => (
                    <option key={c} value={c}>
                      {CODEC_TITLES[c]}
                      {c === 'vp8' ? ' (default)' : ''}
                    </option>
                  ))}
                  {codecs.value.length === 0 && <option value="vp8">VP8 (default)</option>}
                </select>
                <span class="field-hint">
                  Only what this browser can encode. Used when everybody in the call can decode it, otherwise
                  VP8.
                </span>
              </div>
            </details>
          </form>

          <RunningCalls
            chosen={normalRoom(room.value)}
            onChoose={(r) => {
              room.value = r;
              nameField.current?.focus();
            }}
          />
        </div>
      </main>
    </div>
  );
}

function Trouble({ title, advice }: { title: string; advice: string }) {
  return (
    <div class="note bad" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{title}</strong>
        {advice}
      </div>
    </div>
  );
}

/** What the others will get, in one line under the button. */
function JoinHint({ preview, able }: { preview: Preview; able: boolean }) {
  const text = useSignal('');
  useSignalEffect(() => {
    const tracks = preview.stream.value?.getTracks() ?? [];
    const mic = preview.mic.value && tracks.some((t) => t.kind === 'audio');
    const camera = preview.camera.value && tracks.some((t) => t.kind === 'video');
    if (preview.opening.value) text.value = 'Asking for your camera and microphone…';
    else if (mic && camera) text.value = 'The others will see and hear you.';
    else if (mic) text.value = 'The others will hear you, without a picture.';
    else if (camera) text.value = 'The others will see you; you join muted.';
    else text.value = 'You join as a viewer: you see and hear the others.';
  });
  return (
    <p class="join-hint" data-testid="join-hint">
      {able ? text : ''}
    </p>
  );
}

function RunningCalls({ chosen, onChoose }: { chosen: string; onChoose(room: string): void }) {
  if (calls.value.length === 0) return null;
  return (
    <section class="card running" aria-labelledby="running-title">
      <h2 id="running-title">Calls right now</h2>
      <ul>
        {calls.value.slice(0, 20).map((call) => {
          const names = call.participants.map((p) => p.name);
          const shown =
            names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
          return (
            <li key={call.room}>
              <button
                type="button"
                class="running-call"
                aria-pressed={call.room === chosen}
                data-testid="running-call"
                onClick={() => onChoose(call.room)}
              >
                <strong>{call.room}</strong>
                <span>{shown || 'nobody yet'}</span>
                <span class="chip">
                  <Icon name="people" />
                  {names.length}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
