// One sound that this participant publishes: the microphone, or that of a tab that is shared. The track outlives sessions, with the same flow and SSRC.

import type { FromParticipant, Publish } from '../protocol/messages.gen.ts';
import type { Session } from '../transport/transport.ts';
import { AudioSender } from './audio-sender.ts';
import { randomSSRC } from './outgoing.ts';
import type { Seal } from './sealing.ts';

export interface PublishedAudioOptions {
  flow: number;
  source: 'microphone' | 'screen';
  epoch: number;
  /** Makes what encrypts; null in a call that is not encrypted. */
  seal: (() => Seal) | null;
  send(message: FromParticipant): void;
}

export class PublishedAudio {
  readonly sender: AudioSender;
  readonly #options: PublishedAudioOptions;
  readonly #ssrc = randomSSRC();
  #published = false;

  constructor(options: PublishedAudioOptions) {
    this.#options = options;
    const { flow, epoch, seal } = options;
    this.sender = new AudioSender({ flow, ssrc: this.#ssrc, epoch, seal: seal?.() ?? null });
  }

  /** It is sent, if only silence. */
  get on(): boolean {
    return this.#published;
  }

  /** A session is there: announces the track and sends on it from now on. */
  use(session: Session): void {
    const { source, flow } = this.#options;
    if (this.#published) session.send(this.#track());
    else if (source === 'screen') session.send({ type: 'unpublish', flow }); // as PublishedVideo does
    this.sender.use(session);
  }

  #track(): { type: 'publish' } & Publish {
    const { flow, source, seal } = this.#options;
    return {
      type: 'publish',
      flow,
      kind: 'audio',
      source,
      codec: 'opus',
      ssrc: this.#ssrc,
      encrypted: seal !== null,
      muted: this.sender.muted,
    };
  }

  start(source: ReadableStream<AudioData> | MessagePort): void {
    this.sender.start(source);
    if (this.#published) return;
    this.#published = true;
    this.#options.send(this.#track());
  }

  /** No sound any more. A microphone's track stays, for the others to show that it is off; a screen's ends. */
  stop(): void {
    this.sender.stop();
    if (this.#options.source === 'microphone') {
      this.setMuted(true);
      return;
    }
    if (this.#published) this.#options.send({ type: 'unpublish', flow: this.#options.flow });
    this.#published = false;
  }

  setMuted(muted: boolean): void {
    if (muted === this.sender.muted) return;
    this.sender.muted = muted;
    if (this.#published) this.#options.send({ type: 'mute', flow: this.#options.flow, muted });
  }
}
