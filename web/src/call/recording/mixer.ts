// The sound of a recording: what is played of the others, the own microphone while it is not muted, and the sound of an own screen.

import type { Recordable } from '../types.ts';

interface Input {
  track: MediaStreamTrack;
  source: MediaStreamAudioSourceNode | null; // null: it cannot be mixed
  gain: GainNode;
}

export class Mixer {
  readonly #of: Recordable;
  readonly #mixed: MediaStreamAudioDestinationNode;
  readonly #unmixable: () => void;
  readonly #inputs = new Map<'microphone' | 'screen', Input>();
  #playout: AudioNode | null = null;

  /** `unmixable` is called when the microphone cannot be recorded: Firefox mixes only what has the context's rate. */
  constructor(of: Recordable, unmixable: () => void) {
    this.#of = of;
    this.#unmixable = unmixable;
    this.#mixed = of.context.createMediaStreamDestination();
  }

  get track(): MediaStreamTrack {
    const [track] = this.#mixed.stream.getAudioTracks();
    if (!track) throw new Error('no sound');
    return track;
  }

  /** Follows devices that changed. `speaking`: the microphone is not muted. To be called often. */
  follow(speaking: boolean): void {
    const playout = this.#of.playout();
    if (playout !== this.#playout) {
      this.#playout?.disconnect(this.#mixed);
      playout?.connect(this.#mixed);
      this.#playout = playout;
    }
    this.#input('microphone', this.#of.microphone(), speaking);
    this.#input('screen', this.#of.screen()?.getAudioTracks()[0] ?? null, true);
  }

  #input(name: 'microphone' | 'screen', track: MediaStreamTrack | null, heard: boolean): void {
    let input = this.#inputs.get(name);
    if (input && input.track !== track) {
      this.#drop(name, input);
      input = undefined;
    }
    if (!input && track) {
      input = this.#connect(track);
      this.#inputs.set(name, input);
      if (!input.source && name === 'microphone') this.#unmixable();
    }
    if (input) input.gain.gain.value = heard ? 1 : 0;
  }

  #connect(track: MediaStreamTrack): Input {
    const { context } = this.#of;
    const gain = context.createGain();
    gain.connect(this.#mixed);
    try {
      const source = context.createMediaStreamSource(new MediaStream([track]));
      source.connect(gain);
      return { track, source, gain };
    } catch {
      return { track, source: null, gain };
    }
  }

  #drop(name: 'microphone' | 'screen', { source, gain }: Input): void {
    source?.disconnect();
    gain.disconnect();
    this.#inputs.delete(name);
  }

  close(): void {
    if (this.#playout) this.#playout.disconnect(this.#mixed);
    this.#playout = null;
    for (const [name, input] of this.#inputs) this.#drop(name, input);
  }
}
