// The whole page on the full screen, and back.

import { toast } from '../ui/toast.tsx';

export function toggleFullScreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else if (document.fullscreenEnabled)
    document.documentElement
      .requestFullscreen()
      .catch(() => toast('The browser does not allow full screen.'));
}
