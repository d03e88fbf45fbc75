// The stage: everybody's tile, as large as the window allows.

import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { callLink } from '../lobby/places.ts';
import type { HandoverReport } from '../protocol/messages.gen.ts';
import { config } from '../server.ts';
import { Button } from '../ui/button.tsx';
import { Chip } from '../ui/chip.tsx';
import { Icon } from '../ui/icons.tsx';
import { recall, remember } from '../ui/storage.ts';
import { bestGrid } from './grid.ts';
import { speakerPlaces } from './layout.ts';
import { WhoRecords } from './record.tsx';
import { ScreenTile } from './screen-tile.tsx';
import { screenOf } from './screens.ts';
import { RemoteTile, SelfTile, type TilePlace, useRemoteIds, useSharing, useTileOrder } from './tile.tsx';
import type { CallEngine } from './types.ts';
import type { View } from './view.ts';
import { handoverFacts, VERDICTS } from './words.ts';

export interface StageProps {
  engine: CallEngine;
  view: View;
  /** The latest change of network, while it is news. */
  handover: HandoverReport | null;
  onCopy(): void;
}

export function Stage({ engine, view, handover, onCopy }: StageProps) {
  const root = useRef<HTMLDivElement>(null);
  const area = useSignal({ width: 0, height: 0 });
  const choice = useSignal(recall('self')); // 'small', 'tile', or null: by the number of people, and small without a picture
  const ids = useRemoteIds(engine);
  const sharing = useSharing(engine);
  const phase = useComputed(() => engine.state.value.phase);
  const camera = useComputed(() => engine.state.value.local.camera);
  const sharesOwn = useComputed(() => engine.state.value.local.sharing);
  const audioBlocked = useComputed(() => engine.state.value.audioBlocked);

  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) area.value = { width: entry.contentRect.width, height: entry.contentRect.height };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [area]);

  const others = ids.value.length;
  const floating = others > 0 && (choice.value ? choice.value === 'small' : others === 1 || !camera.value);
  const tiles = others + sharing.value.length + (floating ? 0 : 1);
  const gap = area.value.width < 600 ? 8 : 12;
  const size = bestGrid(tiles, area.value, gap);
  const large = view.large.value;
  const scrolls = large === null && size.scrolls;
  const order = useTileOrder(engine, scrolls ? size.columns * size.rows : others);
  const keys = [...order.value, ...sharing.value.map(screenOf)];
  const places = large === null ? null : speakerPlaces(tiles, area.value, gap);
  const after = keys.filter((key) => key !== large);
  // Tiles that change places stay where they are in the document, where one that fills the screen must not be touched.
  const placeOf = (key: string): TilePlace =>
    places?.[key === large ? 0 : 1 + after.indexOf(key)] ?? { ...size, order: keys.indexOf(key) };
  const alone = others === 0 && phase.value === 'connected';
  return (
    <div class="stage">
      <div ref={root} class="stage-area">
        <div
          class={places ? 'grid placed' : `grid ${size.scrolls ? 'scrolls' : ''}`}
          data-testid="stage"
          data-layout={places ? 'speaker' : 'grid'}
          data-large={large ?? ''}
          style={{ gap: `${gap}px` }}
        >
          {ids.value.map((id) => (
            <RemoteTile
              key={id}
              engine={engine}
              id={id}
              place={placeOf(id)}
              pinned={view.pinned.value === id}
              onPin={() => view.pin(id)}
              facts={view.facts.value}
            />
          ))}
          {sharing.value.map((id) => (
            <ScreenTile
              key={screenOf(id)}
              engine={engine}
              id={id}
              place={placeOf(screenOf(id))}
              pinned={view.pinned.value === screenOf(id)}
              onPin={() => view.pin(screenOf(id))}
            />
          ))}
          <SelfTile
            key="self"
            engine={engine}
            place={places?.at(-1) ?? { ...size, order: keys.length }}
            floating={floating}
            onToggle={
              others > 0
                ? () => {
                    choice.value = floating ? 'tile' : 'small';
                    remember('self', choice.value);
                  }
                : undefined
            }
          />
        </div>
      </div>
      <div class="stage-notices top">
        {phase.value === 'reconnecting' && (
          <p class="stage-notice strong">
            <span class="spinner" aria-hidden="true" />
            Connection lost. Reconnecting…
          </p>
        )}
        <WhoRecords engine={engine} />
      </div>
      <div class="stage-notices">
        {phase.value === 'connecting' && (
          <p class="stage-notice">
            <span class="spinner" aria-hidden="true" />
            Joining…
          </p>
        )}
        {handover && <HandoverNotice report={handover} />}
        {sharesOwn.value && (
          <p class="stage-notice" data-testid="sharing">
            <Icon name="screen" />
            You share your screen.
            <Button size="small" variant="danger" onClick={() => engine.share(false)}>
              Stop
            </Button>
          </p>
        )}
        {alone && <Alone engine={engine} onCopy={onCopy} />}
        {audioBlocked.value && (
          <Button
            variant="primary"
            size="large"
            icon="sound"
            data-testid="unblock-audio"
            onClick={() => engine.unblockAudio()}
          >
            Turn the sound on
          </Button>
        )}
      </div>
    </div>
  );
}

/** What became of the call at the change of network, in the words of the server and the receivers. */
function HandoverNotice({ report }: { report: HandoverReport }) {
  const { title, what } = VERDICTS[report.verdict];
  const facts = handoverFacts(report).join(' · ');
  return (
    <p class="stage-notice handover" data-testid="last-handover" data-verdict={report.verdict}>
      <Chip token={`verdict-${report.verdict}`}>{title}</Chip>
      <span>
        <strong>{what}</strong>
        {facts && <small>{facts}</small>}
      </span>
    </p>
  );
}

function Alone({ engine, onCopy }: { engine: CallEngine; onCopy(): void }) {
  const link = callLink(engine.state.value, location, config.value);
  return (
    <div class="stage-notice alone">
      <Icon name="people" />
      <span>You are the only one here. Share the link, or open it in a second tab.</span>
      <Button size="small" icon="link" title={link.url} onClick={onCopy}>
        Copy link
      </Button>
    </div>
  );
}
