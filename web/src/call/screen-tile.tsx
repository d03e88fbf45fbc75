// The tile of a screen that somebody shares.

import { useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useShown } from './shown.ts';
import { type TilePlace, tileStyle } from './tile.tsx';
import { TileTools } from './tile-tools.tsx';
import type { CallEngine } from './types.ts';
import { PRIVACY, privacyOf } from './words.ts';

export interface ScreenTileProps {
  engine: CallEngine;
  /** Whose it is. */
  id: string;
  place: TilePlace;
  pinned: boolean;
  onPin(): void;
}

export function ScreenTile({ engine, id, place, pinned, onPin }: ScreenTileProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const remote = useComputed(() => engine.state.value.remotes.find((r) => r.id === id));
  useEffect(() => {
    if (!canvas.current) return;
    engine.attach(id, 'screen', canvas.current);
    return () => engine.detach(id, 'screen');
  }, [engine, id]);
  const encrypted = useComputed(() => engine.state.value.key !== '');
  const r = remote.value;
  const { width = 0, height = 0, framesRendered = 0 } = r?.stats.screen ?? {};
  useShown(engine, canvas, { id, source: 'screen', width, height, whole: true });
  if (!r) return null;
  const title = `${r.name}’s screen`;
  const privacy = privacyOf(
    { tracks: r.tracks.filter((t) => t.source === 'screen'), stats: r.stats },
    encrypted.value,
  );
  return (
    <article class="tile whole screen" style={tileStyle(place)} aria-label={title}>
      <canvas
        ref={canvas}
        data-testid="remote-screen"
        data-participant={id}
        data-name={r.name}
        data-frames={framesRendered}
        data-width={width}
        data-height={height}
      />
      {(privacy === 'no-key' || privacy === 'wrong-key') && (
        <p class="tile-words">
          <Icon name="lock" />
          {PRIVACY[privacy]}
        </p>
      )}
      <div class="nameplate">
        <Icon name="screen" />
        <span>{title}</span>
        {privacy === 'not-encrypted' && (
          <em class="open" title={PRIVACY[privacy]}>
            <Icon name="lock-open" />
            <span class="roomy">{PRIVACY[privacy]}</span>
          </em>
        )}
      </div>
      <TileTools name={title} canvas={canvas} picture pinned={pinned} onPin={onPin} />
    </article>
  );
}
