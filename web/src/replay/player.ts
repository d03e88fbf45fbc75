// Plays a recording: the dashboard's store as it was at any moment, and the clock that stands at that moment. The reducer is the live dashboard's own.

import { batch, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Live } from '../dashboard/live.ts';
import { empty, reduceAll, type State } from '../dashboard/store.ts';
import type { Entry, Recording } from './parse.ts';

export const speeds = [0.25, 0.5, 1, 2, 4, 8] as const;
export type Speed = (typeof speeds)[number];

/** How often what is due is shown, ms. */
const tickMs = 33;

/** From so many places in a recording going on is quick, whatever its length. Each holds the measurements of then: about 200 kB for a connection. */
const mostCheckpoints = 16;
const leastApart = 500; // entries

interface Checkpoint {
  index: number; // entries before it
  state: State;
}

export class Player implements Live {
  /** Ends of the recording, ms on its clock. */
  readonly begin: number;
  readonly end: number;
  readonly position: ReadonlySignal<number>;
  readonly playing: ReadonlySignal<boolean>;
  readonly speed: ReadonlySignal<Speed>;
  readonly state: ReadonlySignal<State>;

  private readonly entries: readonly Entry[];
  private readonly at: Signal<number>;
  private readonly runs = signal(false);
  private readonly rate = signal<Speed>(1);
  private readonly shown = signal<State>(empty);
  private applied = 0; // entries that the state has
  private readonly checkpoints: Checkpoint[] = [{ index: 0, state: empty }];
  private readonly apart: number;
  private timer: ReturnType<typeof setInterval> | undefined;
  private anchor = { clock: 0, at: 0 }; // playing: where it was when

  constructor(
    recording: Recording,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.entries = recording.entries;
    this.begin = this.entries[0]?.at ?? 0;
    this.end = this.entries.at(-1)?.at ?? 0;
    this.apart = Math.max(leastApart, Math.ceil(this.entries.length / mostCheckpoints));
    this.at = signal(this.begin);
    this.position = this.at;
    this.playing = this.runs;
    this.speed = this.rate;
    this.state = this.shown;
    this.seek(this.begin);
  }

  /** Now on the clock of the server that was recorded. Screens pass it on by itself. */
  readonly now = (): number => {
    if (!this.runs.peek()) return this.at.peek();
    return Math.min(this.end, this.anchor.at + (this.clock() - this.anchor.clock) * this.rate.peek());
  };

  /** Nothing but the recording feeds this. */
  dispatch(): void {}

  play(): void {
    if (this.runs.peek()) return;
    if (this.at.peek() >= this.end) this.seek(this.begin);
    this.anchor = { clock: this.clock(), at: this.at.peek() };
    this.runs.value = true;
    this.timer = setInterval(() => this.tick(), tickMs);
  }

  pause(): void {
    if (!this.runs.peek()) return;
    this.tick();
    clearInterval(this.timer);
    this.runs.value = false;
  }

  toggle(): void {
    if (this.runs.peek()) this.pause();
    else this.play();
  }

  setSpeed(speed: Speed): void {
    this.anchor = { clock: this.clock(), at: this.now() };
    this.rate.value = speed;
  }

  /** Shows a moment, and plays on from there if it was playing. */
  seek(at: number): void {
    const to = Math.min(this.end, Math.max(this.begin, at));
    this.show(this.after(to), to);
  }

  /** Stops at the next event (1), or at the one before that which is shown last (-1): with each press exactly one event comes or goes. */
  step(direction: 1 | -1): void {
    this.pause();
    if (direction > 0) {
      const next = this.find(this.applied, 1);
      if (next < 0) this.seek(this.end);
      else this.show(next + 1, this.timeOf(next));
      return;
    }
    const last = this.find(this.applied - 1, -1);
    const before = this.find(last - 1, -1);
    if (last < 0 || before < 0) this.seek(this.begin);
    else this.show(before + 1, this.timeOf(before));
  }

  close(): void {
    clearInterval(this.timer);
    this.runs.value = false;
  }

  private tick(): void {
    const now = this.now();
    this.show(Math.max(this.applied, this.after(now)), now);
    if (now < this.end) return;
    clearInterval(this.timer);
    this.runs.value = false;
  }

  private show(index: number, at: number): void {
    batch(() => {
      this.go(index);
      this.anchor = { clock: this.clock(), at };
      this.at.value = at;
    });
  }

  /** Makes the state that of the first `index` entries. */
  private go(index: number): void {
    if (index === this.applied) return;
    let state = this.shown.peek();
    if (index < this.applied) {
      const from = this.checkpoints.findLast((c) => c.index <= index) as Checkpoint;
      state = copyOf(from.state);
      this.applied = from.index;
    }
    while (this.applied < index) {
      const boundary = (Math.floor(this.applied / this.apart) + 1) * this.apart;
      const to = Math.min(index, boundary);
      state = reduceAll(
        state,
        this.entries.slice(this.applied, to).map((e) => e.action),
      );
      this.applied = to;
      if (to === boundary && (this.checkpoints.at(-1)?.index ?? 0) < to)
        this.checkpoints.push({ index: to, state: copyOf(state) });
    }
    this.shown.value = state;
  }

  /** How many entries were delivered up to a time. */
  private after(time: number): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.timeOf(middle) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The index of the nearest event from one on in a direction; -1 for none. */
  private find(from: number, direction: 1 | -1): number {
    for (let i = from; i >= 0 && i < this.entries.length; i += direction)
      if (this.entries[i]?.action.type === 'event') return i;
    return -1;
  }

  private timeOf(index: number): number {
    return this.entries[index]?.at ?? this.end;
  }
}

/** The state with measurements of its own, since these are the one thing in it that changes in place. */
function copyOf(state: State): State {
  const connections = new Map(
    [...state.connections].map(([id, c]) => [id, { ...c, series: c.series.copy() }]),
  );
  return { ...state, connections };
}
