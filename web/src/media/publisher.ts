// What this participant sends: the microphone on flow 1, the camera on flow 2. The tracks outlive sessions: they are announced again after each
// welcome, with the same flow and SSRC.

import type { Local } from '../call/types.ts';
import type { Codec, FromParticipant, Participant, Publish } from '../protocol/messages.gen.ts';
import type { Reply } from '../protocol/report.ts';
import type { Bytes } from '../protocol/varint.ts';
import type { Session } from '../transport/transport.ts';
import { AudioSender } from './audio-sender.ts';
import { now } from './clock.ts';
import { commonCodec } from './codecs.ts';
import { randomSSRC } from './outgoing.ts';
import { Sealer } from './sealing.ts';
import { loudness } from './stats.ts';
import { type VideoFormat, VideoSender } from './video-sender.ts';

export const AUDIO_FLOW = 1;
export const VIDEO_FLOW = 2;
const FPS = 30;

export interface PublisherOptions {
  /** Preferred video codec. */
  codec: Codec;
  /** Pixels of a frame that is sent, at most. */
  maxPixels: number;
  /** Of an encrypted call; null: nothing is encrypted. */
  secret: Bytes | null;
  send(message: FromParticipant): void;
  changed(local: Partial<Local>): void;
  notice(text: string): void;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #audio: AudioSender;
  readonly #video: VideoSender;
  readonly #ssrc = { audio: randomSSRC(), video: randomSSRC() };
  #hasAudio = false;
  #format: VideoFormat | null = null;
  #cameraOn = false;
  #pump: ReadableStreamDefaultReader<VideoFrame> | null = null;
  #measured = { at: now(), bytes: 0, frames: 0 };
  #level = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    const epoch = now(); // media time 0 of all tracks
    const seal = () => options.secret && new Sealer(options.secret); // each track has its own
    this.#audio = new AudioSender({ flow: AUDIO_FLOW, ssrc: this.#ssrc.audio, epoch, seal: seal() });
    this.#video = new VideoSender({
      flow: VIDEO_FLOW,
      ssrc: this.#ssrc.video,
      epoch,
      maxPixels: options.maxPixels,
      seal: seal(),
      handlers: {
        format: (format) => {
          this.#format = format;
          this.#options.send(this.#videoTrack(format));
          const { codec, width, height } = format;
          this.#options.changed({ codec, width, height });
        },
        failed: (message) => this.#options.notice(message),
      },
    });
  }

  /** A session is there: announces the tracks and sends on it from now on. */
  use(session: Session): void {
    if (this.#hasAudio) session.send(this.#audioTrack());
    if (this.#format) session.send(this.#videoTrack(this.#format));
    this.#audio.use(session);
    this.#video.use(session);
  }

  #audioTrack(): { type: 'publish' } & Publish {
    return {
      type: 'publish',
      flow: AUDIO_FLOW,
      kind: 'audio',
      source: 'microphone',
      codec: 'opus',
      ssrc: this.#ssrc.audio,
      encrypted: this.#options.secret !== null,
      muted: this.#audio.muted,
    };
  }

  #videoTrack(format: VideoFormat): { type: 'publish' } & Publish {
    return {
      type: 'publish',
      flow: VIDEO_FLOW,
      kind: 'video',
      source: 'camera',
      fps: FPS,
      ssrc: this.#ssrc.video,
      encrypted: this.#options.secret !== null,
      muted: !this.#cameraOn,
      ...format,
    };
  }

  /** Chooses the codec by what everybody can decode. `joined`: somebody needs a key frame. */
  audience(others: Iterable<Participant>, joined: boolean): void {
    this.#video.setCodec(commonCodec(this.#options.codec, [...others]));
    if (joined) this.#video.requestKey();
  }

  keyFrameRequested(flow: number): void {
    if (flow === VIDEO_FLOW) this.#video.requestKey();
  }

  reply(reply: Reply, rttMs: number): void {
    const flow = reply.flows.find((f) => f.flow === VIDEO_FLOW);
    if (flow) this.#video.received(flow.highestSeq, rttMs);
  }

  /** Frames come from here from now on. */
  startCamera(readable: ReadableStream<VideoFrame>): void {
    void this.#pump?.cancel().catch(() => undefined);
    const reader = readable.getReader();
    this.#pump = reader;
    void this.#read(reader);
  }

  async #read(reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        if (this.#pump === reader) this.frame(value);
        else value.close();
      }
    } catch {
      // the device went away; the page tells the person
    }
  }

  /** A frame from the camera; takes it over. */
  frame(frame: VideoFrame): void {
    if (!this.#cameraOn) {
      this.#cameraOn = true;
      if (this.#format) this.#options.send({ type: 'mute', flow: VIDEO_FLOW, muted: false });
    }
    this.#video.push(frame);
  }

  stopCamera(): void {
    void this.#pump?.cancel().catch(() => undefined);
    this.#pump = null;
    if (!this.#cameraOn) return;
    this.#cameraOn = false;
    this.#video.pause();
    this.#options.send({ type: 'mute', flow: VIDEO_FLOW, muted: true });
  }

  startMicrophone(source: ReadableStream<AudioData> | MessagePort): void {
    this.#audio.start(source);
    if (this.#hasAudio) return;
    this.#hasAudio = true;
    this.#options.send(this.#audioTrack());
  }

  stopMicrophone(): void {
    this.#audio.stop();
    this.setMuted(true);
  }

  setMuted(muted: boolean): void {
    if (muted === this.#audio.muted) return;
    this.#audio.muted = muted;
    if (this.#hasAudio) this.#options.send({ type: 'mute', flow: AUDIO_FLOW, muted });
  }

  /** Loudness of the microphone, 0..1, as others hear it. */
  get level(): number {
    const level = this.#audio.muted ? 0 : loudness(this.#audio.level);
    this.#level = Math.max(level, this.#level * 0.75);
    return this.#level;
  }

  /** Frames and bits per second since the last call. */
  stats(): Pick<Local, 'fps' | 'bitrate'> {
    const at = now();
    const { at: since, bytes, frames } = this.#measured;
    this.#measured = { at, bytes: this.#audio.bytes + this.#video.bytes, frames: this.#video.frames };
    const seconds = Math.max(0.001, (at - since) / 1000);
    return {
      fps: (this.#measured.frames - frames) / seconds,
      bitrate: (8 * (this.#measured.bytes - bytes)) / seconds,
    };
  }

  close(): void {
    void this.#pump?.cancel().catch(() => undefined);
    this.#audio.close();
    this.#video.close();
  }
}
