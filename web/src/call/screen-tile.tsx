// The tile of a screen that somebody shares.

import { useComputed } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { type TilePlace, tileStyle } from './tile.tsx';
import { TileTools } from './tile-tools.tsx';
import type { CallEngine } from './types.ts';

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
  const r = remote.value;
  if (!r) return null;
  const title = `${r.name}’s screen`;
  const { width, height, framesRendered } = r.stats.screen;
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
      <div class="nameplate">
        <Icon name="screen" />
        <span>{title}</span>
      </div>
      <TileTools name={title} canvas={canvas} picture pinned={pinned} onPin={onPin} />
    </article>
  );
}
