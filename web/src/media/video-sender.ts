// A picture's way up: frame → encoder → VideoStreams. It owns every VideoFrame it is given and closes it. Nothing is queued: a frame that the
// encoder or the way up has no room for is dropped here, before it costs anything.
//
// In an encrypted call encryption comes between the last two, for a moment. What became of the group meanwhile (it was cut, or its session replaced) is
// decided where a frame is written, in the order of the encoder, just as if the encoder had taken that much longer.

import type { Codec } from '../protocol/messages.gen.ts';
import { PAYLOAD_TYPE } from '../protocol/rtp.ts';
import type { Session } from '../transport/transport.ts';
import { now } from './clock.ts';
import { encoderFor, type VideoCodec } from './codecs.ts';
import { type EncodedFrame, VideoStreams } from './outgoing.ts';
import { Pressure } from './pressure.ts';
import type { Seal } from './sealing.ts';

const KEY_PERIOD = 5_000; // ms; the server keeps a group for late joiners
const KEY_REST = 250; // ms between two key frames on request
const MAX_FAILURES = 10; // in a row
const SOONER = 0.6; // of a frame interval: cameras' frames do not come evenly
const LATE_MS = 500;
const LATE_FRAMES = 45;
const UPPER_WRITES = 2; // that may wait when a frame of an upper layer comes
const MAX_SEALING = 2; // frames that may be in encryption when another is to be encoded

/** Bits per second, by the number of pixels: at 30 frames per second of people, at fewer of text. */
function fullBitrate(width: number, height: number): number {
  const pixels = width * height;
  if (pixels <= 320 * 180) return 250_000;
  if (pixels <= 640 * 360) return 700_000;
  if (pixels <= 960 * 540) return 1_100_000;
  return 1_500_000;
}

export interface VideoFormat {
  codec: Codec;
  width: number;
  height: number;
  layers: number;
}

export interface VideoSenderHandlers {
  /** Before the first frame, and whenever what is sent changes. */
  format(format: VideoFormat): void;
  /** No encoder works. */
  failed(message: string): void;
}

export class VideoSender {
  bytes = 0;
  frames = 0;
  format: VideoFormat | null = null;
  readonly #streams: VideoStreams;
  readonly #pressure = new Pressure();
  readonly #handlers: VideoSenderHandlers;
  readonly #epoch: number; // media time 0
  readonly #maxPixels: number;
  readonly #fps: number;
  readonly #text: boolean;
  readonly #seal: Seal | null;
  #wanted: VideoCodec = 'vp8';
  #encoder: VideoEncoder | null = null;
  #configured = ''; // what the encoder is configured for
  #configuring = false;
  #unusable = ''; // a configuration that does not work
  #config: VideoEncoderConfig | null = null;
  #keyWanted = true;
  #keyComing = false; // out of the encoder, or of encryption
  #lastKey = 0;
  /** The camera's newest frame, so that another session need not wait for the next. */
  #last: VideoFrame | null = null;
  #lastTimestamp = -1;
  #pushedAt = Number.NEGATIVE_INFINITY;
  #unsent = false; // the newest frame was left out
  #rttMs = 0;
  #share = 1;
  #failures = 0;
  #format: VideoPixelFormat | null = null; // of the camera's frames
  #convert = false; // them, since the encoder failed on them: some cameras have formats of their own
  #upperBroken = false; // a frame of an upper layer was left out since the last base frame
  #canvas: OffscreenCanvas | null = null;
  #late = 0; // frames in a row that the encoder held back
  readonly #tooSlow = new Set<VideoCodec>();

  constructor(o: {
    flow: number;
    ssrc: number;
    epoch: number;
    maxPixels: number;
    /** At most; what comes sooner is left out. */
    fps: number;
    /** Sharp edges matter more than motion. */
    text: boolean;
    /** Encrypts; null in a call that is not encrypted. */
    seal: Seal | null;
    handlers: VideoSenderHandlers;
  }) {
    this.#streams = new VideoStreams(o.flow, o.ssrc);
    this.#epoch = o.epoch;
    this.#maxPixels = o.maxPixels;
    this.#fps = o.fps;
    this.#text = o.text;
    this.#seal = o.seal;
    this.#handlers = o.handlers;
  }

  use(session: Session): void {
    this.#streams.use(session);
    this.#pressure.forget();
    this.#keyWanted = true;
    this.repeat(0);
  }

  setCodec(codec: VideoCodec): void {
    this.#wanted = this.#tooSlow.has(codec) ? 'vp8' : codec;
  }

  requestKey(): void {
    this.#keyWanted = true;
  }

  /** What the server says to have received. */
  received(highestSeq: number, rttMs: number): void {
    this.#rttMs = rttMs;
    this.#pressure.received(highestSeq);
  }

  /** Sends the newest frame again if none was sent for so long, ms, if it was left out, or if somebody waits for a key frame. */
  repeat(afterMs: number): void {
    const last = this.#last;
    if (!last || (now() - this.#pushedAt < afterMs && !this.#keyWanted && !this.#unsent)) return;
    this.#last = null;
    this.#pushedAt = Number.NEGATIVE_INFINITY;
    this.push(last);
  }

  /** Takes over a frame. */
  push(input: VideoFrame): void {
    const at = now();
    if (at - this.#pushedAt < SOONER * (1000 / this.#fps)) {
      this.#keep(input);
      this.#unsent = true; // nothing may come after it
      return;
    }
    this.#unsent = false;
    this.#pushedAt = at;
    const frame = this.#fit(input);
    this.#keep(frame.clone());
    try {
      if (!this.#ready(frame)) return;
      const encoder = this.#encoder as VideoEncoder;
      if (encoder.encodeQueueSize > 1) return;
      if (this.#seal && this.#seal.waiting > MAX_SEALING) return;
      const verdict = this.#pressure.judge(this.#streams.backlog(0), this.#rttMs, at);
      if (verdict === 'cut') {
        this.#streams.cut();
        this.#pressure.forget();
        return;
      }
      this.#adapt(encoder);
      const rested = at - this.#lastKey > KEY_REST;
      const key =
        (this.#streams.needsKey && (rested || !this.#keyComing)) ||
        (this.#keyWanted && rested) ||
        at - this.#lastKey > KEY_PERIOD;
      if (key) {
        this.#keyWanted = false;
        this.#keyComing = true;
        this.#lastKey = at;
      }
      this.#encode(encoder, frame, { key, at });
    } finally {
      frame.close();
    }
  }

  #encode(encoder: VideoEncoder, frame: VideoFrame, o: { key: boolean; at: number }): void {
    // The camera's own timestamps start anywhere: all tracks are stamped with the one clock of this participant.
    const timestamp = Math.max(this.#lastTimestamp + 1, Math.round((o.at - this.#epoch) * 1000));
    this.#lastTimestamp = timestamp;
    const stamped = new VideoFrame(frame, { timestamp });
    try {
      encoder.encode(stamped, { keyFrame: o.key });
    } catch {
      this.#encoderFailed();
    } finally {
      stamped.close();
    }
  }

  /** Tells whether the encoder is configured for this frame; if not, begins to configure it. */
  #ready(frame: VideoFrame): boolean {
    const [width, height] = [frame.displayWidth & ~1, frame.displayHeight & ~1];
    const wanted = `${this.#wanted} ${width}x${height}`;
    if (wanted === this.#configured && this.#encoder?.state === 'configured') return true;
    if (!this.#configuring && wanted !== this.#unusable) void this.#configure(wanted, width, height);
    return false;
  }

  async #configure(wanted: string, width: number, height: number): Promise<void> {
    this.#configuring = true;
    try {
      let codec = this.#wanted;
      const size = { width, height, fps: this.#fps, bitrate: this.#bitrate(width, height), text: this.#text };
      let choice = await encoderFor(codec, size);
      if (!choice && codec !== 'vp8') {
        codec = 'vp8';
        choice = await encoderFor(codec, size);
      }
      if (!choice) {
        this.#unusable = wanted;
        this.#handlers.failed('This browser cannot encode video.');
        return;
      }
      this.#closeEncoder();
      const payloadType = PAYLOAD_TYPE[codec];
      this.#encoder = new VideoEncoder({
        output: (chunk, metadata) => this.#encoded(chunk, metadata, payloadType),
        error: () => this.#encoderFailed(),
      });
      this.#encoder.configure(choice.config);
      this.#config = choice.config;
      this.#configured = wanted;
      this.#share = this.#pressure.share;
      this.#lastKey = 0;
      this.#keyComing = false;
      this.#keyWanted = true;
      this.format = { codec, width, height, layers: choice.layers };
      this.#handlers.format(this.format);
    } catch {
      this.#encoderFailed();
    } finally {
      this.#configuring = false;
    }
  }

  #bitrate(width: number, height: number): number {
    return Math.round(fullBitrate(width, height) * this.#pressure.share);
  }

  /** Follows the pressure in steps: reconfiguring is cheap but not free. */
  #adapt(encoder: VideoEncoder): void {
    const share = this.#pressure.share;
    if (!this.#config || (Math.abs(share / this.#share - 1) < 0.05 && share !== 1) || share === this.#share)
      return;
    this.#share = share;
    this.#config = { ...this.#config, bitrate: this.#bitrate(this.#config.width, this.#config.height) };
    encoder.configure(this.#config);
  }

  #encoded(
    chunk: EncodedVideoChunk,
    metadata: EncodedVideoChunkMetadata | undefined,
    payloadType: number,
  ): void {
    this.#failures = 0;
    const at = now();
    this.#watchDelay(at - this.#epoch - chunk.timestamp / 1000);
    const tid = metadata?.svc?.temporalLayerId ?? 0;
    if (tid === 0) this.#upperBroken = false;
    else if (this.#upperBroken || this.#congested(tid, at)) {
      this.#upperBroken = true; // with three layers the next upper frame may depend on this one
      return;
    }
    const payload = new Uint8Array(chunk.byteLength);
    chunk.copyTo(payload);
    const frame: EncodedFrame = {
      key: chunk.type === 'key',
      tid,
      payloadType,
      timestamp: Math.round((chunk.timestamp * 9) / 100) % 2 ** 32,
      payload,
    };
    if (!this.#seal) this.#write(frame, at);
    else {
      this.#seal.seal(payload, (sealed) => {
        if (sealed) this.#write({ ...frame, payload: sealed }, at);
        else this.#unsealed(frame);
      });
    }
  }

  #write(frame: EncodedFrame, at: number): void {
    if (frame.key) this.#keyComing = false;
    const seq = this.#streams.write(frame);
    if (seq === null) {
      if (!this.#keyComing) this.#keyWanted = true;
      return;
    }
    this.#pressure.sent(seq, at);
    this.bytes += frame.payload.length;
    this.frames++;
  }

  /** A frame could not be encrypted, which nothing in the numbers of the next one would show: what depends on it must not be sent. */
  #unsealed(frame: EncodedFrame): void {
    if (frame.key) this.#keyComing = false;
    this.#streams.cut();
    this.#pressure.forget();
    this.#keyWanted = true;
  }

  /** Some encoders look a second ahead whatever they are told (Firefox's H.264), some are too slow for the machine: VP8 is neither. */
  #watchDelay(ms: number): void {
    this.#late = ms > LATE_MS ? this.#late + 1 : 0;
    const codec = this.format?.codec;
    if (this.#late < LATE_FRAMES || !codec || codec === 'opus' || codec === 'vp8') return;
    this.#late = 0;
    this.#tooSlow.add(codec);
    this.setCodec(codec);
  }

  #congested(tid: number, at: number): boolean {
    const waiting = this.#streams.backlog(0) + this.#streams.backlog(tid);
    return waiting > UPPER_WRITES || this.#pressure.judge(waiting, this.#rttMs, at) !== 'send';
  }

  #encoderFailed(): void {
    this.#closeEncoder();
    this.#convert = this.#format !== 'I420' && this.#format !== 'NV12';
    if (++this.#failures < MAX_FAILURES) {
      this.#configured = '';
      return;
    }
    this.#unusable = this.#configured;
    this.#handlers.failed('The video encoder of this browser keeps failing.');
  }

  #keep(frame: VideoFrame | null): void {
    this.#last?.close();
    this.#last = frame;
  }

  #closeEncoder(): void {
    if (this.#encoder && this.#encoder.state !== 'closed') this.#encoder.close();
    this.#encoder = null;
  }

  /** Scales a frame that is larger than is sent, and converts what the encoder does not take; takes over `frame`. */
  #fit(frame: VideoFrame): VideoFrame {
    this.#format = frame.format;
    const scale = Math.min(1, Math.sqrt(this.#maxPixels / (frame.displayWidth * frame.displayHeight)));
    if (scale >= 0.99 && !this.#convert) return frame;
    const width = Math.round((frame.displayWidth * scale) / 2) * 2;
    const height = Math.round((frame.displayHeight * scale) / 2) * 2;
    this.#canvas ??= new OffscreenCanvas(width, height);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#canvas.getContext('2d', { alpha: false })?.drawImage(frame, 0, 0, width, height);
    const { timestamp } = frame;
    frame.close();
    return new VideoFrame(this.#canvas, { timestamp });
  }

  /** The camera is off: the group ends, and the next frame begins another. */
  pause(): void {
    this.#convert = false;
    this.#keep(null);
    this.#streams.cut();
    this.#pressure.forget();
    this.#keyWanted = true;
  }

  close(): void {
    this.#closeEncoder();
    this.#keep(null);
    this.#streams.cut();
    this.#streams.use(null); // what is still in encryption has nowhere to go
  }
}
