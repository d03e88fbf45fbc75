// The sound card's side of playout: mixes what every participant's Playout gives. It runs on the audio thread, so that neither the page nor
// the worker can make the sound stutter. The worker pushes decoded sound through a port that the page has passed on to it.

import { limit, Playout, RATE } from '../media/playout.ts';
import type { FromPlayout, ToPlayout } from './messages.ts';
import { AudioWorkletProcessor, currentFrame, currentTime, registerProcessor } from './worklet-scope.ts';

const REPORT_EVERY = 2400; // samples: 20 times a second

class PlayoutProcessor extends AudioWorkletProcessor {
  #voices = new Map<number, Playout>();
  #worker: MessagePort | null = null;
  #reported = 0;

  constructor() {
    super();
    this.port.onmessage = (e: MessageEvent<{ port: MessagePort }>) => {
      this.#worker?.close();
      this.#worker = e.data.port;
      this.#worker.onmessage = (m: MessageEvent<ToPlayout>) => this.#receive(m.data);
    };
  }

  #receive(m: ToPlayout): void {
    switch (m.type) {
      case 'pcm':
        this.#voice(m.track).push(m.start, m.pcm, currentFrame());
        break;
      case 'muted':
        this.#voice(m.track).muted = m.muted;
        break;
      case 'remove':
        this.#voices.delete(m.track);
        break;
    }
  }

  #voice(track: number): Playout {
    let voice = this.#voices.get(track);
    if (!voice) {
      voice = new Playout();
      this.#voices.set(track, voice);
    }
    return voice;
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const channels = outputs[0] ?? [];
    const first = channels[0];
    if (!first) return true;
    for (const voice of this.#voices.values()) voice.pull(first, currentFrame());
    limit(first);
    for (const other of channels.slice(1)) other.set(first);
    this.#reported += first.length;
    if (this.#reported >= REPORT_EVERY) {
      this.#reported = 0;
      this.#report(first.length);
    }
    return true;
  }

  /** After a quantum of n samples was made: what is said holds for the sample behind it. */
  #report(n: number): void {
    const at = currentFrame() + n;
    const voices = [...this.#voices].map(([track, voice]) => ({ track, ...voice.report(at) }));
    const report: FromPlayout = { contextTime: currentTime() + n / RATE, voices };
    this.#worker?.postMessage(report);
  }
}

registerProcessor('playout', PlayoutProcessor);
