// A tile per person. The canvas of a remote participant carries what was measured of it in data attributes, which scripts and tests read.

import { type ReadonlySignal, useComputed, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { initials } from '../lobby/rules.ts';
import { Icon } from '../ui/icons.tsx';
import { lazy } from '../ui/lazy.tsx';
import { FloatingReactions, RaisedHand } from './gestures.tsx';
import type { Place } from './layout.ts';
import { LoudestFirst } from './loudest.ts';
import { shares } from './screens.ts';
import { useShown } from './shown.ts';
import { TileTools } from './tile-tools.tsx';
import type { CallEngine, Remote } from './types.ts';
import { PRIVACY, type Privacy, privacyOf } from './words.ts';

const TileFacts = lazy(async () => (await import('./tile-facts.tsx')).TileFacts);

const HUES = [200, 168, 262, 28, 330, 96, 228, 0];

/** The round picture of somebody without a camera; the same person always in the same colour. */
function Avatar({ name }: { name: string }) {
  let sum = 0;
  for (const c of name) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
  return (
    <div class="avatar" style={{ '--hue': String(HUES[sum % HUES.length]) }} aria-hidden="true">
      <span>{initials(name)}</span>
    </div>
  );
}

/** A tile's size, and its place where the layout decides it and not the flow of the grid. `order`: its number in the flow, if that is not the document's. */
export type TilePlace = Pick<Place, 'width' | 'height'> & Partial<Place> & { order?: number };

export function tileStyle({ width, height, x, y, order }: TilePlace): Record<string, string> {
  const size = {
    width: `${width}px`,
    height: `${height}px`,
    ...(order === undefined ? {} : { order: `${order}` }),
  };
  return x === undefined || y === undefined
    ? size
    : { ...size, position: 'absolute', left: `${x}px`, top: `${y}px` };
}

function number(value: number, digits = 0): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '';
}

export interface RemoteTileProps {
  engine: CallEngine;
  id: string;
  place: TilePlace;
  pinned: boolean;
  onPin(): void;
  /** Whether what is measured is shown. */
  facts: boolean;
}

export function RemoteTile({ engine, id, place, pinned, onPin, facts }: RemoteTileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const remote = useComputed(() => engine.state.value.remotes.find((r) => r.id === id));
  const encrypted = useComputed(() => engine.state.value.key !== '');
  useEffect(() => {
    if (!canvas.current) return;
    engine.attach(id, 'camera', canvas.current);
    return () => engine.detach(id, 'camera');
  }, [engine, id]);

  const r = remote.value;
  // A test picture is there to be read to its edges; a person upright in a flat tile would lose head and hands.
  const whole = r !== undefined && (r.test || r.stats.height > r.stats.width);
  const { width = 0, height = 0 } = r?.stats ?? {};
  useShown(engine, canvas, { id, source: 'camera', width, height, whole });
  if (!r) return null;
  const { stats } = r;
  const video = r.tracks.find((t) => t.source === 'camera');
  const audio = r.tracks.find((t) => t.source === 'microphone');
  const picture = video !== undefined && !video.muted && stats.framesRendered > 0;
  const silent = audio === undefined || audio.muted;
  const privacy = privacyOf(r, encrypted.value);
  return (
    <article
      class={`tile ${r.speaking && !silent && r.presence === 'connected' ? 'speaking' : ''} ${whole ? 'whole' : ''}`}
      style={{ ...tileStyle(place), '--level': number(r.level, 2) }}
      aria-label={tileLabel(r, { silent, picture, privacy })}
    >
      <canvas
        ref={canvas}
        class={picture ? '' : 'empty'}
        data-testid="remote-video"
        data-participant={r.id}
        data-name={r.name}
        data-frames={stats.framesRendered}
        data-freezes={stats.freezes}
        data-frozen-ms={number(stats.frozenMs)}
        data-longest-gap-ms={number(stats.longestGapMs)}
        data-level={number(r.level, 3)}
        data-concealed-ms={number(stats.concealedMs)}
        data-width={stats.width}
        data-height={stats.height}
        data-lip-sync-ms={number(stats.lipSyncMs)}
        data-playout-ms={number(stats.playoutMs)}
        data-frames-lost={stats.framesLost}
        data-undecrypted={stats.undecrypted}
        data-codec={video?.codec ?? ''}
        data-muted={silent}
      />
      {!picture && <Avatar name={r.name} />}
      {(privacy === 'no-key' || privacy === 'wrong-key') && (
        <p class="tile-words" data-testid={privacy}>
          <Icon name="lock" />
          {PRIVACY[privacy]}
        </p>
      )}
      <div class="nameplate">
        {silent && <Icon name="mic-off" />}
        <span>{r.name}</span>
        {r.test && !/test/i.test(r.name) && <em>Test participant</em>}
        {privacy === 'not-encrypted' && (
          <em class="open" data-testid={privacy} title={PRIVACY[privacy]}>
            <Icon name="lock-open" />
            <span class="roomy">{PRIVACY[privacy]}</span>
          </em>
        )}
      </div>
      <RaisedHand engine={engine} id={r.id} />
      <FloatingReactions engine={engine} id={r.id} />
      <TileTools name={r.name} canvas={canvas} picture={picture} pinned={pinned} onPin={onPin} />
      {facts && <TileFacts engine={engine} remote={r} />}
      {r.presence === 'reconnecting' && (
        <div class="tile-cover" data-testid="remote-reconnecting">
          <span class="spinner" aria-hidden="true" />
          Reconnecting…
        </div>
      )}
    </article>
  );
}

function tileLabel(r: Remote, o: { silent: boolean; picture: boolean; privacy: Privacy | null }): string {
  const facts = [r.name];
  if (r.test) facts.push('test participant');
  if (o.silent) facts.push('muted');
  if (!o.picture) facts.push('no picture');
  if (o.privacy) facts.push(PRIVACY[o.privacy]);
  if (r.hand > 0) facts.push('hand raised');
  if (r.presence === 'reconnecting') facts.push('reconnecting');
  return facts.join(', ');
}

export interface SelfTileProps {
  engine: CallEngine;
  place: TilePlace;
  floating: boolean;
  /** Absent where there is no choice. */
  onToggle?: (() => void) | undefined;
}

/** The person's own picture, mirrored as people know themselves. */
export function SelfTile({ engine, place, floating, onToggle }: SelfTileProps) {
  const video = useRef<HTMLVideoElement>(null);
  const local = useComputed(() => engine.state.value.local);
  useSignalEffect(() => {
    if (video.current) video.current.srcObject = engine.preview.value;
  });
  const { participant, name, camera, mic, speaking } = local.value;
  const picture = camera && engine.preview.value !== null;
  const style = floating ? {} : tileStyle(place);
  return (
    <article
      class={`tile self ${floating ? 'floating' : ''} ${speaking && mic ? 'speaking' : ''}`}
      style={style}
      aria-label={`You${mic ? '' : ', muted'}${picture ? '' : ', no picture'}`}
    >
      <video
        ref={video}
        class={picture ? 'mirrored' : 'mirrored empty'}
        data-testid="self-view"
        data-camera={picture}
        autoPlay
        muted
        playsInline
      />
      {!picture && <Avatar name={name} />}
      <div class="nameplate">
        {!mic && <Icon name="mic-off" />}
        <span>You</span>
      </div>
      <RaisedHand engine={engine} id={participant} />
      <FloatingReactions engine={engine} id={participant} />
      {onToggle && (
        <button
          type="button"
          class="tile-button"
          onClick={onToggle}
          aria-label={floating ? 'Show yourself as a tile' : 'Show yourself small'}
          title={floating ? 'Show yourself as a tile' : 'Show yourself small'}
        >
          <Icon name={floating ? 'grow' : 'shrink'} />
        </button>
      )}
    </article>
  );
}

/** The ids of the remotes, changing only when somebody joins or leaves. */
export function useRemoteIds(engine: CallEngine): ReadonlySignal<string[]> {
  return useIds(() => engine.state.value.remotes.map((r) => r.id));
}

/** The same in the order of their tiles, of which so many are in view. */
export function useTileOrder(engine: CallEngine, inView: number): ReadonlySignal<string[]> {
  const loudest = useMemo(() => new LoudestFirst(), []);
  const room = useRef(inView);
  room.current = inView;
  return useIds(() => [...loudest.next(engine.state.value.remotes, room.current, performance.now())]);
}

/** The ids of those who share a screen. */
export function useSharing(engine: CallEngine): ReadonlySignal<string[]> {
  return useIds(() => engine.state.value.remotes.filter(shares).map((r) => r.id));
}

function useIds(list: () => string[]): ReadonlySignal<string[]> {
  const joined = useComputed(() => list().join('\n'));
  return useComputed(() => (joined.value === '' ? [] : joined.value.split('\n')));
}
