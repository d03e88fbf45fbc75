// The sound card on the page: the audio context with the playout worklet, and the microphone.
//
// Playing and capturing do not depend on each other where the browser lets them be separate: Chromium captures with a track processor that needs no
// audio context. Firefox captures through a worklet, so without a running context (no output device, or not allowed yet) nothing is sent, and
// `blocked` says so.

import captureURL from '../workers/capture.worklet.ts?worker&url';
import type { ToWorker } from '../workers/messages.ts';
import playoutURL from '../workers/playout.worklet.ts?worker&url';
import { audioConstraints } from './constraints.ts';
import { openDevice, trackProcessor } from './devices.ts';

const RATE = 48_000;
const CLOCK_MS = 500;
const SANE_MS = 500; // an output latency above this is a browser's mistake
const USUAL_LATENCY_MS = 40; // of sound cards, where it must not be asked for
const READS = 3; // of the clock: a card that stumbles loses time, which must show soon

/** AudioContext.setSinkId is not in TypeScript's libraries yet, nor in Firefox. */
interface Steerable {
  setSinkId(id: string): Promise<void>;
}

export function canChooseSpeaker(): boolean {
  return 'setSinkId' in AudioContext.prototype;
}

export interface SoundHandlers {
  post(m: ToWorker, transfer: Transferable[]): void;
  /** The browser does, or does not, let us play. */
  blocked(blocked: boolean): void;
  /** The microphone went away. */
  lost(): void;
}

/** Plays. To be made in a click, so that the browser allows sound. */
export class Sound {
  readonly context: AudioContext;
  readonly #handlers: SoundHandlers;
  #timer: ReturnType<typeof setInterval> | null = null;
  #playout: AudioWorkletNode | null = null;
  #offsets: number[] = []; // wall clock minus the context's, ms

  constructor(handlers: SoundHandlers) {
    this.#handlers = handlers;
    this.context = new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
    this.context.onstatechange = () => this.#check();
    this.#start().catch((error) => {
      console.error('playout:', error);
      handlers.blocked(true);
    });
  }

  async #start(): Promise<void> {
    void this.context.resume().catch(() => undefined);
    this.#timer = setInterval(() => this.#check(), CLOCK_MS);
    await this.context.audioWorklet.addModule(playoutURL);
    const node = new AudioWorkletNode(this.context, 'playout', {
      numberOfInputs: 0,
      outputChannelCount: [2],
    });
    node.connect(this.context.destination);
    this.#playout = node;
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage({ port: port1 }, [port1]);
    this.#handlers.post({ type: 'playout', port: port2 }, [port2]);
  }

  /** What is played; null until it can be. */
  get playout(): AudioNode | null {
    return this.#playout;
  }

  /** Plays on this device, '' or 'default' being the system's choice. Rejects if there is no such device. */
  async setSpeaker(id: string): Promise<void> {
    if (canChooseSpeaker())
      await (this.context as unknown as Steerable).setSinkId(id === 'default' ? '' : id);
  }

  /** Tries again to play, from a click. */
  unblock(): void {
    void this.context.resume().catch(() => undefined);
  }

  #check(): void {
    if (this.context.state === 'closed') return;
    const running = this.context.state === 'running';
    this.#handlers.blocked(!running);
    if (running) this.#handlers.post({ type: 'clock', ...this.#clock() }, []);
  }

  /** Which sample is heard when. */
  #clock(): { contextTime: number; at: number } {
    return trackProcessor() ? this.#outputClock() : this.#estimatedClock();
  }

  #outputClock(): { contextTime: number; at: number } {
    const { contextTime, performanceTime } = this.context.getOutputTimestamp();
    const ahead = (this.context.currentTime - (contextTime ?? 0)) * 1000;
    const age = performance.now() - (performanceTime ?? 0);
    if (contextTime && performanceTime && Math.abs(ahead - age) < SANE_MS) {
      return { contextTime, at: performance.timeOrigin + performanceTime };
    }
    return this.#estimatedClock();
  }

  /**
   * For Firefox, where getOutputTimestamp and outputLatency wait for the audio process on the main thread and now and then never return (seen in
   * Firefox 153 under load). currentTime may be a little old when it is read; the newest of the last reads counts.
   */
  #estimatedClock(): { contextTime: number; at: number } {
    const { currentTime, baseLatency } = this.context;
    const at = performance.timeOrigin + performance.now();
    this.#offsets.push(at - 1000 * currentTime);
    if (this.#offsets.length > READS) this.#offsets.shift();
    const latency = Math.max(1000 * baseLatency, USUAL_LATENCY_MS);
    return { contextTime: currentTime, at: Math.min(...this.#offsets) + 1000 * currentTime + latency };
  }

  close(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.context.onstatechange = null;
    void this.context.close().catch(() => undefined);
  }
}

export class Microphone {
  readonly #handlers: SoundHandlers;
  readonly #sound: Sound;
  #track: MediaStreamTrack | null = null;
  #context: AudioContext | null = null; // of its own, if it cannot share
  #ask = 0; // counts what was asked for; a device that opens late must not win
  #source: MediaStreamAudioSourceNode | null = null;
  #node: AudioWorkletNode | null = null;
  #noiseSuppression = true;

  constructor(sound: Sound, handlers: SoundHandlers) {
    this.#sound = sound;
    this.#handlers = handlers;
  }

  get open(): boolean {
    return this.#track !== null;
  }

  get track(): MediaStreamTrack | null {
    return this.#track;
  }

  /** Device of the open microphone, '' if there is none. */
  get id(): string {
    return this.#track?.getSettings().deviceId ?? '';
  }

  /** Opens a microphone and sends it instead of the one before. Rejects with an Error for people. */
  async start(id: string): Promise<void> {
    const ask = ++this.#ask;
    const track = await openDevice('microphone', id, this.#noiseSuppression);
    if (ask === this.#ask) await this.use(track);
    else track.stop(); // something else was asked for meanwhile
  }

  /** From now on, and for the open microphone. Rejects with an Error for people. */
  async setNoiseSuppression(on: boolean): Promise<void> {
    this.#noiseSuppression = on;
    const track = this.#track;
    if (!track) return;
    await track.applyConstraints(audioConstraints(on)).catch(() => undefined);
    // Chromium takes the constraints and changes nothing while the device is open, so there it is closed and opened again.
    const is = track.getSettings().noiseSuppression;
    if (track !== this.#track || is === undefined || is === on) return;
    const { id } = this;
    track.stop();
    try {
      await this.start(id);
    } catch (error) {
      if (track === this.#track) this.stop();
      throw error;
    }
  }

  /** Sends an open track, which this owns from now on. Rejects with an Error for people. */
  async use(track: MediaStreamTrack): Promise<void> {
    this.#ask++;
    this.#release();
    this.#track = track;
    track.onended = () => {
      if (this.#track !== track) return;
      this.stop();
      this.#handlers.lost();
    };
    const Processor = trackProcessor();
    if (Processor) {
      const { readable } = new Processor<AudioData>({ track });
      this.#handlers.post({ type: 'microphone', source: readable }, [readable]);
      return;
    }
    try {
      await this.#capture(track);
    } catch {
      this.stop();
      throw new Error('This browser cannot capture the microphone.');
    }
  }

  async #capture(track: MediaStreamTrack): Promise<void> {
    const stream = new MediaStream([track]);
    let context = this.#sound.context;
    try {
      this.#source = context.createMediaStreamSource(stream);
    } catch {
      // Firefox connects only what has the card's rate; the capture worklet resamples.
      context = this.#context ??= new AudioContext({ latencyHint: 'interactive' });
      this.#source = context.createMediaStreamSource(stream);
    }
    const source = this.#source;
    await context.audioWorklet.addModule(captureURL);
    if (this.#track !== track) return; // stopped meanwhile
    const node = new AudioWorkletNode(context, 'capture', { channelCount: 1, channelCountMode: 'explicit' });
    this.#node = node;
    source.connect(node);
    node.connect(context.destination); // it is silent, but what leads nowhere may not run
    const { port1, port2 } = new MessageChannel();
    node.port.postMessage({ port: port1 }, [port1]);
    this.#handlers.post({ type: 'microphone', source: port2 }, [port2]);
  }

  /** Closes the microphone. */
  stop(): void {
    this.#ask++;
    if (!this.#track) return;
    this.#release();
    this.#handlers.post({ type: 'microphone-off' }, []);
  }

  #release(): void {
    this.#source?.disconnect();
    this.#node?.disconnect();
    this.#source = null;
    this.#node = null;
    this.#track?.stop();
    this.#track = null;
  }

  close(): void {
    this.stop();
    void this.#context?.close().catch(() => undefined);
    this.#context = null;
  }
}
