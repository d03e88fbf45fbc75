import type { TimeControl } from './controller.ts';
import type { Links } from './links.ts';
import type { Live } from './live.ts';
import type { Recorder } from './recorder.ts';
import type { Source } from './sse.ts';

/** What the dashboard's views are made of: what happens, where it is heard from, the lab's links, and the window of time. */
export interface Parts {
  live: Live;
  source: Source;
  links: Links;
  control: TimeControl;
  /** What this dashboard was told, to be saved; none where it shows a recording. */
  recorder?: Recorder;
}
