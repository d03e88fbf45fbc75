// The microphone, where a browser has no MediaStreamTrackProcessor: cuts it into blocks of 20 ms at 48 kHz and sends them straight to the
// worker through a port that the page has passed on.

import { Blocker, Resampler } from '../media/resample.ts';
import { AudioWorkletProcessor, registerProcessor, sampleRate } from './worklet-scope.ts';

const RATE = 48_000;
const BLOCK = 960;

class CaptureProcessor extends AudioWorkletProcessor {
  #worker: MessagePort | null = null;
  #resampler = new Resampler(sampleRate(), RATE);
  #blocker = new Blocker(BLOCK);

  constructor() {
    super();
    this.port.onmessage = (e: MessageEvent<{ port: MessagePort }>) => {
      this.#worker = e.data.port;
    };
  }

  process(inputs: Float32Array[][]): boolean {
    const input = inputs[0]?.[0];
    if (!input || !this.#worker) return true; // nothing connected at the moment
    this.#blocker.push(this.#resampler.push(input), (block) => {
      this.#worker?.postMessage(block, [block.buffer]);
    });
    return true;
  }
}

registerProcessor('capture', CaptureProcessor);
