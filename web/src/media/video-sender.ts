// A picture's way up: the camera's or the screen's frames, and the encodings that are made of them. It owns every VideoFrame it is given and closes it.
// An encoding that nobody receives is not made.

import type { Session } from '../transport/transport.ts';
import { now } from './clock.ts';
import type { VideoCodec } from './codecs.ts';
import { fullBitrate, ofHeight, PictureSize, type Size, within } from './picture-size.ts';
import type { Seal } from './sealing.ts';
import type { Demand } from './share-out.ts';
import { VideoEncoding, type VideoFormat } from './video-encoding.ts';

const SOONER = 0.6; // of a frame interval: cameras' frames do not come evenly
const SMALL = { height: 180, bitrate: 200_000 }; // of the further encoding, for who shows it in a corner or has no room for more
const SMALL_FROM = 360; // height of a picture that has one
const LEAST = { small: 60_000, main: 100_000 };
const UNASKED = 500_000; // bits per second before anybody has said what there is

export interface VideoSenderHandlers {
  /** Before the first frame, and whenever what is sent changes. `small`: the further encoding, if there is one. */
  format(format: VideoFormat, small: Size | null): void;
  /** No encoder works. */
  failed(message: string): void;
}

export interface Outlet {
  flow: number;
  ssrc: number;
  /** Encrypts; null in a call that is not encrypted. */
  seal: Seal | null;
}

export interface VideoSenderOptions {
  main: Outlet;
  /** Of the further encoding; null: there is none. */
  small: Outlet | null;
  epoch: number; // media time 0
  maxPixels: number;
  /** At most; what comes sooner is left out. */
  fps: number;
  /** Sharp edges matter more than motion. */
  text: boolean;
  /** The way up has no room for what nothing depends on. */
  congested(): boolean;
  /** Bits per second at which large frames go; Infinity: at once. */
  pace(): number;
  handlers: VideoSenderHandlers;
}

export class VideoSender {
  bytes = 0;
  frames = 0;
  readonly #o: VideoSenderOptions;
  readonly #main: VideoEncoding;
  readonly #small: VideoEncoding | null;
  #wanted: ReadonlySet<number>; // flows
  #bitrates = new Map<number, number>(); // by flow
  readonly #size = new PictureSize();
  #full: Size | null = null; // of the frames, as large as they may be
  /** The camera's newest frame, so that another session need not wait for the next. */
  #last: VideoFrame | null = null;
  #lastTimestamp = -1;
  #counted = -1; // timestamp of the newest frame that was written
  #pushedAt = Number.NEGATIVE_INFINITY;
  #unsent = false; // the newest frame was left out
  #pixelFormat: VideoPixelFormat | null = null; // of the camera's frames
  #convert = false; // them, since the encoder failed on them: some cameras have formats of their own
  #canvas: OffscreenCanvas | null = null;

  constructor(o: VideoSenderOptions) {
    this.#o = o;
    this.#main = this.#encoding(o.main, (format) => o.handlers.format(format, this.#smallSize));
    this.#small = o.small && this.#encoding(o.small, () => undefined);
    this.#wanted = new Set([o.main.flow]);
  }

  #encoding(outlet: Outlet, format: (format: VideoFormat) => void): VideoEncoding {
    const { epoch, fps, text, congested, pace, handlers } = this.#o;
    return new VideoEncoding({
      ...outlet,
      epoch,
      fps,
      text,
      congested,
      pace,
      format,
      written: (bytes, timestamp) => {
        this.bytes += bytes;
        if (timestamp > this.#counted) this.frames++;
        this.#counted = Math.max(this.#counted, timestamp);
      },
      failed: (hopeless) => {
        this.#convert = this.#pixelFormat !== 'I420' && this.#pixelFormat !== 'NV12';
        if (hopeless) handlers.failed('This browser cannot encode the video.');
      },
    });
  }

  get encodings(): VideoEncoding[] {
    return this.#small ? [this.#main, this.#small] : [this.#main];
  }

  /** Those that are made now. */
  get #made(): VideoEncoding[] {
    const small = this.#smallSize !== null;
    return this.encodings.filter((e) => this.#wanted.has(e.flow) && (e !== this.#small || small));
  }

  get #smallSize(): Size | null {
    const full = this.#full;
    return this.#small && full && full.height >= SMALL_FROM ? ofHeight(full, SMALL.height) : null;
  }

  use(session: Session): void {
    for (const e of this.encodings) e.use(session);
    this.repeat(0);
  }

  setCodec(codec: VideoCodec): void {
    for (const e of this.encodings) e.setCodec(codec);
  }

  /** Which flows somebody receives. What is wanted anew begins at once. */
  setWanted(flows: Iterable<number>): void {
    const before = this.#wanted;
    this.#wanted = new Set(flows);
    let anew = false;
    for (const e of this.encodings) {
      if (before.has(e.flow) && !this.#wanted.has(e.flow)) e.cut();
      if (this.#wanted.has(e.flow) && !before.has(e.flow)) anew = true;
    }
    if (anew) this.repeat(0);
  }

  /** Somebody cannot go on without a key frame: of this flow, or of any. */
  requestKey(flow: number | null): void {
    for (const e of this.encodings) if (flow === null || e.flow === flow) e.requestKey();
  }

  setRoundTrip(ms: number): void {
    for (const e of this.encodings) e.setRoundTrip(ms);
  }

  /** What the encodings that are made can use, by flow; empty while there is no picture. */
  get demands(): Map<number, Demand> {
    const demands = new Map<number, Demand>();
    if (!this.#last || !this.#full) return demands;
    for (const e of this.#made) {
      demands.set(
        e.flow,
        e === this.#small
          ? { least: LEAST.small, most: SMALL.bitrate, first: true }
          : { least: LEAST.main, most: fullBitrate(this.#full), first: this.#o.text },
      );
    }
    return demands;
  }

  /** Bits per second that an encoding is given. */
  setBitrate(flow: number, bitrate: number): void {
    this.#bitrates.set(flow, bitrate);
  }

  /** Sends the newest frame again if none was sent for so long, ms, if it was left out, or if somebody waits for a key frame. */
  repeat(afterMs: number): void {
    const last = this.#last;
    const keyWanted = this.#made.some((e) => e.keyWanted);
    if (!last || (now() - this.#pushedAt < afterMs && !keyWanted && !this.#unsent)) return;
    this.#last = null;
    this.#pushedAt = Number.NEGATIVE_INFINITY;
    this.push(last);
  }

  /** Takes over a frame. */
  push(input: VideoFrame): void {
    const at = now();
    if (at - this.#pushedAt < SOONER * (1000 / this.#o.fps)) {
      this.#keep(input);
      this.#unsent = true; // nothing may come after it
      return;
    }
    this.#unsent = false;
    this.#pushedAt = at;
    this.#pixelFormat = input.format;
    const frame = this.#convert ? this.#converted(input) : input;
    this.#full = within({ width: frame.displayWidth, height: frame.displayHeight }, this.#o.maxPixels);
    this.#keep(frame);
    const made = this.#made;
    if (made.length === 0) return;
    // The camera's own timestamps start anywhere: all tracks are stamped with the one clock of this participant.
    const timestamp = Math.max(this.#lastTimestamp + 1, Math.round((at - this.#o.epoch) * 1000));
    this.#lastTimestamp = timestamp;
    const stamped = new VideoFrame(frame, { timestamp });
    for (const e of made) {
      const bitrate = this.#bitrates.get(e.flow);
      if (e === this.#small) {
        e.push(stamped, this.#smallSize as Size, bitrate ?? SMALL.bitrate, at);
        continue;
      }
      const most = fullBitrate(this.#full);
      const given = Math.min(most, bitrate ?? Math.max(UNASKED, most / 2));
      const size = this.#o.text ? this.#full : this.#size.choose(this.#full, given, e.strained, at);
      e.push(stamped, size, given, at);
    }
    stamped.close();
  }

  #keep(frame: VideoFrame | null): void {
    this.#last?.close();
    this.#last = frame;
  }

  /** The frame as the encoder takes it; takes over `frame`. */
  #converted(frame: VideoFrame): VideoFrame {
    const { displayWidth: width, displayHeight: height, timestamp } = frame;
    this.#canvas ??= new OffscreenCanvas(width, height);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#canvas.getContext('2d', { alpha: false })?.drawImage(frame, 0, 0, width, height);
    frame.close();
    return new VideoFrame(this.#canvas, { timestamp });
  }

  /** The camera is off: the group ends, and the next frame begins another. */
  pause(): void {
    this.#convert = false;
    this.#keep(null);
    for (const e of this.encodings) e.cut();
  }

  close(): void {
    for (const e of this.encodings) e.close();
    this.#keep(null);
  }
}
