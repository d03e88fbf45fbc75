// One lane: a call of its own, the times of the frames that it showed, and what the server said of its connections.

import { type ReadonlySignal, signal } from '@preact/signals';
import type { CallEngine, Remote } from '../../call/types.ts';
import { now } from '../../media/clock.ts';
import type { ConnectionSnapshot, PathEventData, Verdict } from '../../protocol/messages.gen.ts';
import type { Via } from '../../transport/transport.ts';
import { type Measured, measure } from './measure.ts';
import type { LaneName, RunStyle } from './types.ts';

const KEEP_MS = 90_000; // of frames and events: longer than a run
const MOVING_MS = 700; // without a frame a picture does not move; frames are told of every 333 ms, and later by a page that is busy

/** An event of one of the lane's own connections, with when the page learned of it. */
export interface Heard {
  at: number;
  event: PathEventData;
}

/** How the server knows one of a lane's connections. */
export interface Known {
  connection: string;
  address: string;
  /** The connection ID that the client's packets carry; of TCP the four-tuple. */
  identifier: string;
}

export class Lane {
  readonly engine: CallEngine;
  /** Rises with each look at the engine, about three times a second. */
  readonly looks: ReadonlySignal<number>;
  readonly known: ReadonlySignal<Known[]>;
  /** When frames were shown, ms of `now`. */
  times: number[] = [];
  heard: Heard[] = [];
  #looks = signal(0);
  #known = signal<Known[]>([]);
  #snapshots = new Map<string, ConnectionSnapshot>();
  #gain: GainNode | null = null;
  #played: AudioNode | null = null;
  #isHeard = false;
  #stop: (() => void)[] = [];

  constructor(
    readonly name: LaneName,
    engine: CallEngine,
  ) {
    this.engine = engine;
    this.looks = this.#looks;
    this.known = this.#known;
  }

  join(room: string, via: Via, label: string): void {
    const { engine } = this;
    this.#stop.push(
      engine.onPath(
        {
          snapshot: (s) => this.#snapshot(s),
          event: (event) => {
            const at = now();
            this.heard = [...this.heard.filter((h) => h.at > at - KEEP_MS), { at, event }];
          },
          sample: () => undefined,
        },
        true,
      ),
    );
    engine.join({ room, name: label, key: '', stream: null, mic: false, camera: false, codec: 'vp8', via });
    let stats: unknown = null;
    this.#stop.push(
      engine.state.subscribe((state) => {
        const shown = shownIn(state.remotes)?.stats;
        if (shown && shown !== stats) {
          stats = shown;
          this.#look(shown.shownAt);
        }
        this.#sound();
      }),
    );
  }

  #look(shownAt: readonly number[]): void {
    const last = this.times.at(-1) ?? 0;
    const fresh = shownAt.filter((t) => t > last);
    const from = now() - KEEP_MS;
    if ((this.times[0] ?? from) < from - 10_000) this.times = this.times.filter((t) => t > from);
    this.times.push(...fresh);
    this.#looks.value++;
  }

  #snapshot(s: ConnectionSnapshot): void {
    this.#snapshots.delete(s.id);
    if (s.state === 'open') this.#snapshots.set(s.id, s);
    // One that was replaced may say nothing any more, not even that it is closed. Of two paths, each by its name, the newest counts.
    const newest = new Map([...this.#snapshots.values()].map((c) => [c.name ?? '', c]));
    this.#known.value = [...newest.entries()]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([, c]) => knownOf(c));
  }

  /** The participant whose picture is shown: who sends one, the same in all lanes. */
  get shown(): Remote | null {
    return shownIn(this.engine.state.value.remotes);
  }

  /** That picture is encrypted from end to end. The page has no key. */
  get encrypted(): boolean {
    return this.shown?.tracks.some((t) => t.source === 'camera' && t.encrypted) ?? false;
  }

  get moving(): boolean {
    return now() - (this.times.at(-1) ?? 0) < MOVING_MS;
  }

  /** Measures up to `to`. Frames are told of late, so a gap that lasts counts once it is longer than that can be. */
  measure(from: number, to: number): Measured {
    const last = this.times.at(-1) ?? to;
    return measure(this.times, from, last < to && to - last < MOVING_MS ? last : to);
  }

  /** Measures the time before `to`, from the first picture on: before it there was nothing to be measured. */
  lately(ms: number, to: number): Measured {
    return this.measure(Math.min(to, Math.max(to - ms, this.times[0] ?? to)), to);
  }

  /** It has shown a picture. */
  get begun(): boolean {
    return this.times.length > 0;
  }

  /** What the server said of a change in that time: the last word counts. */
  verdict(since: number, until = Number.POSITIVE_INFINITY): Heard | null {
    return (
      this.heard.findLast((h) => h.at > since && h.at <= until && h.event.verdict && isChange(h.event)) ??
      null
    );
  }

  verdictName(since: number): Verdict | '' {
    // What never was there cannot be dropped.
    if (this.begun && ['failed', 'left'].includes(this.engine.state.value.phase)) return 'dropped';
    return this.verdict(since)?.event.verdict ?? '';
  }

  /** Is heard, or plays silently. */
  hear(on: boolean): void {
    this.#isHeard = on;
    this.#sound();
  }

  #sound(): void {
    const sound = this.engine.recordable();
    const playout = sound?.playout() ?? null;
    if (!sound || !playout) return;
    if (playout !== this.#played) {
      this.#played = playout;
      this.#gain = sound.context.createGain();
      playout.disconnect();
      playout.connect(this.#gain).connect(sound.context.destination);
    }
    if (this.#gain) this.#gain.gain.value = this.#isHeard ? 1 : 0;
  }

  /** Tells the third lane, which cannot notice it, that its first path's network is gone or back. */
  tell(network: string, style: RunStyle): void {
    this.engine.switchNetwork(network, style);
  }

  leave(): void {
    for (const stop of this.#stop.splice(0)) stop();
    this.engine.leave();
  }
}

export function shownIn(remotes: readonly Remote[]): Remote | null {
  const senders = remotes.filter((r) => r.tracks.some((t) => t.source === 'camera' && !t.muted));
  const first = (r: Remote) => Math.min(...r.tracks.map((t) => t.id));
  return senders.sort((a, b) => first(a) - first(b))[0] ?? null;
}

function isChange({ type }: PathEventData): boolean {
  return type === 'path_switched' || type === 'session_resumed';
}

function knownOf(c: ConnectionSnapshot): Known {
  const path = c.paths.find((p) => p.state === 'active') ?? c.paths.at(-1);
  const ids = c.connection_ids.filter((i) => i.issuer === 'server' && i.state === 'in_use');
  const tuple = path ? `${path.remote} → ${path.local}` : '';
  return {
    connection: c.id,
    address: path?.remote ?? '',
    identifier: c.transport === 'websocket' ? tuple : (ids.at(-1)?.id ?? ''),
  };
}
