// What this participant sends: the microphone on flow 1, the camera on flow 2 and, small, on flow 5, a screen that is shared on flow 3 and its sound on flow 4.
// The tracks outlive sessions: they are announced again after each welcome, with the same flow and SSRC. All share one way up, and what it takes.

import type { Local } from '../call/types.ts';
import type { Codec, EncodingsWanted, FromParticipant, Participant } from '../protocol/messages.gen.ts';
import type { Reply } from '../protocol/report.ts';
import type { Bytes } from '../protocol/varint.ts';
import type { Session } from '../transport/transport.ts';
import { now } from './clock.ts';
import { commonCodec } from './codecs.ts';
import { PublishedAudio } from './published-audio.ts';
import { PublishedVideo } from './published-video.ts';
import { Sealer } from './sealing.ts';
import { shareOut } from './share-out.ts';
import { loudness } from './stats.ts';
import { Uplink } from './uplink.ts';

export const AUDIO_FLOW = 1;
export const VIDEO_FLOW = 2;
export const SCREEN_FLOW = 3;
export const SCREEN_AUDIO_FLOW = 4;
export const SMALL_VIDEO_FLOW = 5;
const SOUND_BITRATE = 100_000; // of a track, with its redundancy: it comes first
const CAMERA_FPS = 30;
const SCREEN_FPS = 15;

export interface PublisherOptions {
  /** Preferred video codec. */
  codec: Codec;
  /** Pixels of a frame that is sent, at most. */
  maxPixels: { camera: number; screen: number };
  /** Of an encrypted call; null: nothing is encrypted. */
  secret: Bytes | null;
  send(message: FromParticipant): void;
  changed(local: Partial<Local>): void;
  notice(text: string): void;
}

export class Publisher {
  readonly microphone: PublishedAudio;
  readonly screenSound: PublishedAudio;
  readonly camera: PublishedVideo;
  readonly screen: PublishedVideo;
  readonly uplink = new Uplink();
  readonly #codec: Codec;
  #soundBytes = 0; // at the last reply
  #measured = { at: now(), bytes: 0, frames: 0 };
  #level = 0;

  constructor({ codec, maxPixels, secret, send, changed, notice }: PublisherOptions) {
    this.#codec = codec;
    const epoch = now(); // media time 0 of all tracks
    const seal = secret && (() => new Sealer(secret)); // each encoding has one of its own
    const common = {
      epoch,
      send,
      notice,
      seal,
      congested: () => this.uplink.congested,
      pace: () => this.uplink.pace(now()),
    };
    this.microphone = new PublishedAudio({ ...common, flow: AUDIO_FLOW, source: 'microphone' });
    this.screenSound = new PublishedAudio({ ...common, flow: SCREEN_AUDIO_FLOW, source: 'screen' });
    this.camera = new PublishedVideo({
      ...common,
      flow: VIDEO_FLOW,
      smallFlow: SMALL_VIDEO_FLOW,
      source: 'camera',
      fps: CAMERA_FPS,
      maxPixels: maxPixels.camera,
      changed: ({ codec, width, height }) => changed({ codec, width, height }),
    });
    this.screen = new PublishedVideo({
      ...common,
      flow: SCREEN_FLOW,
      smallFlow: null,
      source: 'screen',
      fps: SCREEN_FPS,
      maxPixels: maxPixels.screen,
      changed: () => undefined,
    });
  }

  get #videos(): PublishedVideo[] {
    return [this.camera, this.screen];
  }

  get #audios(): PublishedAudio[] {
    return [this.microphone, this.screenSound];
  }

  /** A session is there: announces the tracks and sends on it from now on. */
  use(session: Session): void {
    this.uplink.restart();
    for (const audio of this.#audios) audio.use(session);
    for (const video of this.#videos) video.use(session);
  }

  /** Chooses the codec by what everybody can decode. `joined`: somebody needs a key frame. */
  audience(others: Iterable<Participant>, joined: boolean): void {
    const codec = commonCodec(this.#codec, [...others]);
    for (const video of this.#videos) {
      video.setCodec(codec);
      if (joined) video.sender.requestKey(null);
    }
  }

  keyFrameRequested(flow: number): void {
    for (const video of this.#videos) video.sender.requestKey(flow);
  }

  /** Which encodings of a track somebody receives. */
  wanted({ flow, flows }: EncodingsWanted): void {
    if (flow === VIDEO_FLOW) this.camera.sender.setWanted(flows);
    if (flow === SCREEN_FLOW) this.screen.sender.setWanted(flows);
  }

  /** The server tells what arrived: what is sent follows. */
  reply(reply: Reply, rtt: number): void {
    const sound = this.#audios.reduce((sum, a) => sum + a.sender.bytes, 0);
    const soundBytes = sound - this.#soundBytes;
    this.#soundBytes = sound;
    const backlogs = new Map(this.#videos.flatMap((v) => v.sender.encodings.map((e) => [e.flow, e.backlog])));
    this.uplink.reply(reply, { now: now(), rtt, backlogs, soundBytes });
    for (const video of this.#videos) video.sender.setRoundTrip(rtt);
    this.#shareOut();
  }

  /** Sound first, then the small encoding and the screen, then the camera. */
  #shareOut(): void {
    const sounds = this.#audios.filter((a) => a.on).length;
    const demands = this.#videos.flatMap((v) => [...v.sender.demands].map(([flow, d]) => ({ v, flow, d })));
    const shares = shareOut(
      this.uplink.usable - sounds * SOUND_BITRATE,
      demands.map(({ d }) => d),
    );
    demands.forEach(({ v, flow }, i) => {
      v.sender.setBitrate(flow, shares[i] as number);
    });
  }

  /** Loudness of the microphone, 0..1, as others hear it. */
  get level(): number {
    const { muted, level } = this.microphone.sender;
    this.#level = Math.max(muted ? 0 : loudness(level), this.#level * 0.75);
    return this.#level;
  }

  /** Loudness of what the muted microphone picks up, 0..1. It goes no further than this machine. */
  get unheard(): number {
    const { muted, level } = this.microphone.sender;
    return muted ? loudness(level) : 0;
  }

  /** Frames of the camera, and bits of everything, per second since the last call. */
  stats(): Pick<Local, 'fps' | 'bitrate'> {
    const at = now();
    const { at: since, bytes, frames } = this.#measured;
    const all = [...this.#audios, ...this.#videos].reduce((sum, t) => sum + t.sender.bytes, 0);
    this.#measured = { at, bytes: all, frames: this.camera.sender.frames };
    const seconds = Math.max(0.001, (at - since) / 1000);
    return {
      fps: (this.#measured.frames - frames) / seconds,
      bitrate: (8 * (all - bytes)) / seconds,
    };
  }

  close(): void {
    for (const audio of this.#audios) audio.sender.close();
    for (const video of this.#videos) video.close();
  }
}
