// What one can do with somebody's tile.

import type { RefObject } from 'preact';
import { Icon, type IconName } from '../ui/icons.tsx';
import { toast } from '../ui/toast.tsx';
import { canFloat, float } from './pip.ts';

export interface TileToolsProps {
  name: string;
  canvas: RefObject<HTMLCanvasElement | null>;
  picture: boolean;
  pinned: boolean;
  onPin(): void;
}

export function TileTools({ name, canvas, picture, pinned, onPin }: TileToolsProps) {
  const fullScreen = () => {
    const tile = canvas.current?.closest('.tile');
    if (document.fullscreenElement === tile) void document.exitFullscreen();
    else tile?.requestFullscreen().catch(() => toast('This browser does not allow full screen here.'));
  };
  const floatIt = () => {
    if (!canvas.current) return;
    float(canvas.current).catch(() => toast('This browser cannot show this picture in a window of its own.'));
  };
  return (
    <div class="tile-tools">
      <Tool
        icon="pin"
        testid="pin"
        label={pinned ? `Let go of ${name}` : `Pin ${name}`}
        pressed={pinned}
        onClick={onPin}
      />
      {picture && canFloat() && (
        <Tool icon="pip" testid="pip" label={`${name} in a window of its own`} onClick={floatIt} />
      )}
      {picture && document.fullscreenEnabled && (
        <Tool icon="full" testid="full-screen" label={`${name} on the full screen`} onClick={fullScreen} />
      )}
    </div>
  );
}

interface ToolProps {
  icon: IconName;
  testid: string;
  label: string;
  pressed?: boolean;
  onClick(): void;
}

function Tool({ icon, testid, label, pressed, onClick }: ToolProps) {
  return (
    <button
      type="button"
      class="tile-tool"
      data-testid={testid}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
