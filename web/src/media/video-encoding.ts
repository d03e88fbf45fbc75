// One encoding of a picture on its way up: stamped frame → encoder (→ encryption) → VideoStreams. Nothing is queued: a frame that the encoder or the way up
// has no room for is left out here, before it costs anything.
//
// In an encrypted call encryption comes between the encoder and the streams, for a moment. What became of the group meanwhile (it was cut, or its session
// replaced) is decided where a frame is written, in the order of the encoder, just as if the encoder had taken that much longer.

import type { Codec } from '../protocol/messages.gen.ts';
import { PAYLOAD_TYPE } from '../protocol/rtp.ts';
import type { Session } from '../transport/transport.ts';
import { Backlog } from './backlog.ts';
import { now } from './clock.ts';
import { encoderFor, type VideoCodec } from './codecs.ts';
import { type EncodedFrame, VideoStreams } from './outgoing.ts';
import { Overdraft } from './overdraft.ts';
import type { Size } from './picture-size.ts';
import type { Seal } from './sealing.ts';

const KEY_PERIOD = 5_000; // ms; the server keeps a group for late joiners
const KEY_REST = 250; // ms between two key frames on request
const MAX_FAILURES = 10; // in a row
const LATE_MS = 500;
const LATE_FRAMES = 45;
const UPPER_MS = 250; // a frame on its way for longer than the round trip: leave out upper layers
const CUT_MS = 900; // for longer: what waits would only be seen late; begin again
const UPPER_WRITES = 2; // that may wait when a frame of an upper layer comes
const CUT_WRITES = 20;
const MAX_SEALING = 2; // frames that may be in encryption when another is to be encoded
const BUSY = 0.15; // of the frames come while the encoder is busy with those before
const SMOOTH = 15; // frames
const SLOW_MS = 80; // from a frame to what is made of it, smoothed; chips, which mostly make H.264, may hold frames back whatever their size
const STEP = 0.05; // of the bit rate: reconfiguring is cheap but not free

export interface VideoFormat {
  codec: Codec;
  width: number;
  height: number;
  layers: number;
}

export interface VideoEncodingOptions {
  flow: number;
  ssrc: number;
  epoch: number;
  fps: number;
  text: boolean;
  seal: Seal | null;
  /** The way up has no room for what nothing depends on. */
  congested(): boolean;
  /** Bits per second at which large frames go; Infinity: at once. */
  pace(): number;
  /** Before the first frame, and whenever what is sent changes. */
  format(format: VideoFormat): void;
  /** A frame was written; its timestamp in µs. */
  written(bytes: number, timestamp: number): void;
  /** The encoder failed. `hopeless`: again and again, or there is none. */
  failed(hopeless: boolean): void;
}

export class VideoEncoding {
  readonly flow: number;
  readonly backlog = new Backlog();
  format: VideoFormat | null = null;
  readonly #o: VideoEncodingOptions;
  readonly #streams: VideoStreams;
  #wanted: VideoCodec = 'vp8';
  #encoder: VideoEncoder | null = null;
  #configured = ''; // what the encoder is configured for
  #configuring = false;
  #unusable = ''; // a configuration that does not work
  #config: VideoEncoderConfig | null = null;
  #keyWanted = true;
  #keyComing = false; // out of the encoder, or of encryption
  #keyHeld = false; // written, and held back for the pace of the way: it answers whoever asks
  #lastKey = 0;
  #rttMs = 0;
  #failures = 0;
  #upperBroken = false; // a frame of an upper layer was left out since the last base frame
  readonly #overdraft = new Overdraft();
  #busy = 0; // share of the latest frames for which the encoder had no time
  #delay = 0; // ms that it takes, smoothed
  #late = 0; // frames in a row that the encoder held back
  readonly #tooSlow = new Set<VideoCodec>();

  constructor(o: VideoEncodingOptions) {
    this.flow = o.flow;
    this.#o = o;
    this.#streams = new VideoStreams(o.flow, o.ssrc, o.pace);
  }

  use(session: Session): void {
    this.#streams.use(session);
    this.#keyHeld = false;
    this.backlog.forget();
    this.#keyWanted = true;
  }

  setCodec(codec: VideoCodec): void {
    this.#wanted = this.#tooSlow.has(codec) ? 'vp8' : codec;
  }

  setRoundTrip(ms: number): void {
    this.#rttMs = ms;
  }

  requestKey(): void {
    this.#keyWanted = true;
  }

  /** Somebody waits for a key frame. */
  get keyWanted(): boolean {
    return this.#keyWanted;
  }

  /** The encoder cannot make pictures of this size: not with the bit rate that it was given, or not as fast as they come. */
  get strained(): boolean {
    const slow = this.#delay > SLOW_MS && this.format?.codec !== 'h264';
    return this.#overdraft.overdrawn || this.#busy > BUSY || slow;
  }

  /** Encodes a frame, which stays the caller's, in this size and at this bit rate: the encoder scales it. */
  push(frame: VideoFrame, size: Size, bitrate: number, at: number): void {
    if (!this.#ready(size, bitrate)) return;
    const encoder = this.#encoder as VideoEncoder;
    const busy = encoder.encodeQueueSize > 1;
    this.#busy += (Number(busy) - this.#busy) / SMOOTH;
    if (busy) return;
    if (this.#o.seal && this.#o.seal.waiting > MAX_SEALING) return;
    if (this.#age(at) > CUT_MS || this.#streams.backlog(0) > CUT_WRITES) {
      this.cut();
      return;
    }
    const held = !this.#o.text && this.#overdraft.holds(bitrate, at); // text stays as large as it is
    this.#adapt(encoder, bitrate);
    const rested = at - this.#lastKey > KEY_REST;
    const key =
      (this.#streams.needsKey && (rested || !this.#keyComing)) ||
      (!this.#keyHeld && ((this.#keyWanted && rested) || at - this.#lastKey > KEY_PERIOD));
    if (held && !key) return;
    if (key) {
      this.#keyWanted = false;
      this.#keyComing = true;
      this.#lastKey = at;
    }
    try {
      encoder.encode(frame, { keyFrame: key });
    } catch {
      this.#encoderFailed();
    }
  }

  /** Tells whether the encoder is configured for this size; if not, begins to configure it. */
  #ready({ width, height }: Size, bitrate: number): boolean {
    const wanted = `${this.#wanted} ${width}x${height}`;
    if (wanted === this.#configured && this.#encoder?.state === 'configured') return true;
    if (!this.#configuring && wanted !== this.#unusable)
      void this.#configure(wanted, { width, height }, bitrate);
    return false;
  }

  async #configure(wanted: string, size: Size, bitrate: number): Promise<void> {
    this.#configuring = true;
    try {
      let codec = this.#wanted;
      const settings = { ...size, fps: this.#o.fps, bitrate: Math.round(bitrate), text: this.#o.text };
      let choice = await encoderFor(codec, settings);
      if (!choice && codec !== 'vp8') {
        codec = 'vp8';
        choice = await encoderFor(codec, settings);
      }
      if (!choice) {
        this.#unusable = wanted;
        this.#o.failed(true);
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
      this.#lastKey = 0;
      this.#keyComing = false;
      this.#keyWanted = true;
      this.#overdraft.clear();
      this.#busy = 0;
      this.#delay = 0;
      this.format = { codec, ...size, layers: choice.layers };
      this.#o.format(this.format);
    } catch {
      this.#encoderFailed();
    } finally {
      this.#configuring = false;
    }
  }

  #adapt(encoder: VideoEncoder, bitrate: number): void {
    const before = this.#config?.bitrate ?? 0;
    if (!this.#config || Math.abs(bitrate - before) < STEP * before) return;
    this.#config = { ...this.#config, bitrate: Math.round(bitrate) };
    encoder.configure(this.#config);
  }

  #encoded(
    chunk: EncodedVideoChunk,
    metadata: EncodedVideoChunkMetadata | undefined,
    payloadType: number,
  ): void {
    this.#failures = 0;
    const at = now();
    this.#watchDelay(at - this.#o.epoch - chunk.timestamp / 1000);
    const tid = metadata?.svc?.temporalLayerId ?? 0;
    if (tid === 0) this.#upperBroken = false;
    else if (this.#upperBroken || this.#noRoom(tid, at)) {
      this.#upperBroken = true; // with three layers the next upper frame may depend on this one
      return;
    }
    this.#overdraft.spend(chunk.byteLength, chunk.type === 'key');
    const payload = new Uint8Array(chunk.byteLength);
    chunk.copyTo(payload);
    const frame: EncodedFrame = {
      key: chunk.type === 'key',
      tid,
      payloadType,
      timestamp: Math.round((chunk.timestamp * 9) / 100) % 2 ** 32,
      payload,
    };
    const { seal } = this.#o;
    if (!seal) this.#write(frame, chunk.timestamp);
    else {
      seal.seal(payload, (sealed) => {
        if (sealed) this.#write({ ...frame, payload: sealed }, chunk.timestamp);
        else this.#unsealed(frame);
      });
    }
  }

  #write(frame: EncodedFrame, timestamp: number): void {
    if (frame.key) this.#keyComing = false;
    let sent = false;
    const written = this.#streams.write(frame, (seq) => {
      sent = true;
      this.backlog.sent(seq, frame.payload.length, now());
      if (frame.key && this.#keyHeld) this.#keySent();
    });
    if (!written) {
      if (!this.#keyComing) this.#keyWanted = true;
      return;
    }
    if (frame.key && !sent) this.#keyHeld = true;
    this.#o.written(frame.payload.length, timestamp);
  }

  #keySent(): void {
    this.#keyHeld = false;
    this.#keyWanted = false;
    this.#lastKey = now();
  }

  /** A frame could not be encrypted, which nothing in the numbers of the next one would show: what depends on it must not be sent. */
  #unsealed(frame: EncodedFrame): void {
    if (frame.key) this.#keyComing = false;
    this.cut();
  }

  /** Some encoders look a second ahead whatever they are told (Firefox's H.264), some are too slow for the machine: VP8 is neither. */
  #watchDelay(ms: number): void {
    this.#delay += (ms - this.#delay) / SMOOTH;
    this.#late = ms > LATE_MS ? this.#late + 1 : 0;
    const codec = this.format?.codec;
    if (this.#late < LATE_FRAMES || !codec || codec === 'opus' || codec === 'vp8') return;
    this.#late = 0;
    this.#tooSlow.add(codec);
    this.setCodec(codec);
  }

  #noRoom(tid: number, at: number): boolean {
    const waiting = this.#streams.backlog(0) + this.#streams.backlog(tid);
    return waiting > UPPER_WRITES || this.#age(at) > UPPER_MS || this.#o.congested();
  }

  /** For how long the oldest frame waits here, or is on its way beyond a round trip, ms. */
  #age(at: number): number {
    return Math.max(this.#streams.held(at), this.backlog.age(at) - this.#rttMs);
  }

  #encoderFailed(): void {
    this.#closeEncoder();
    const hopeless = ++this.#failures >= MAX_FAILURES;
    if (hopeless) this.#unusable = this.#configured;
    else this.#configured = '';
    this.#o.failed(hopeless);
  }

  #closeEncoder(): void {
    if (this.#encoder && this.#encoder.state !== 'closed') this.#encoder.close();
    this.#encoder = null;
  }

  /** Ends the group, and what waits of it is not sent; the next frame begins another. */
  cut(): void {
    this.#streams.cut();
    this.#keyHeld = false;
    this.backlog.forget();
    this.#overdraft.clear();
    this.#keyWanted = true;
  }

  close(): void {
    this.#closeEncoder();
    this.#streams.cut();
    this.#streams.use(null); // what is still in encryption has nowhere to go
  }
}
