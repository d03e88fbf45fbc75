// The way of somebody's picture: packets of several streams (→ decryption) → order → decoder → canvas. It owns the decoded frames and closes every one.

import type { Codec } from '../protocol/messages.gen.ts';
import { markingOf, parseRTP, videoCodecOf } from '../protocol/rtp.ts';
import { Unwrapper } from '../protocol/unwrap.ts';
import type { Bytes } from '../protocol/varint.ts';
import { now } from './clock.ts';
import { CODEC_STRING, type VideoCodec } from './codecs.ts';
import { FreezeMeter, Tally } from './freeze.ts';
import { InOrder } from './in-order.ts';
import { InterarrivalJitter, Reception } from './jitter.ts';
import { FrameOrder, type OrderFrame } from './order.ts';
import { Painter } from './painter.ts';
import { VideoSchedule } from './schedule.ts';
import type { Opener } from './sealing.ts';

const MAX_DECODED = 12; // frames that wait to be shown; decoders have few pictures to give out
const MAX_QUEUE = 400; // frames inside the decoder: the longest group of a late joiner
const UPPER_QUEUE = 12; // with more, upper layers are left out
const BEHIND_MS = 250; // a frame this much older than the newest is part of a burst and not shown ...
const SHOW_MS = 400; // ... unless nothing was shown for this long
const KEY_EVERY = 500; // ms between requests for a key frame
const KEY_WAIT = 1_000; // ms after which one is asked for again
const SOON = 3; // ms; timers are no more exact

interface Encoded extends OrderFrame {
  media: number; // ms
  codec: VideoCodec;
  payload: Bytes;
}

export interface VideoReceiverOptions {
  /** Frames come all the time, so that a long interval is a freeze. A screen's come when something on it changes. */
  steady: boolean;
  requestKey(): void;
  /** When the sound of a media time (ms) is heard; NaN if there is none. */
  heardAt(media: number): number;
}

export class VideoReceiver {
  readonly meter = new FreezeMeter();
  readonly reception = new Reception();
  readonly jitter = new InterarrivalJitter();
  readonly lost = new Tally();
  readonly schedule = new VideoSchedule();
  bytes = 0;
  width = 0;
  height = 0;
  /** Shown minus heard, ms, smoothed. */
  lipSync = Number.NaN;
  /** Frames in decryption, and what must come after them. Whoever gives packets lets only a few wait. */
  readonly opening = new InOrder();
  readonly #options: VideoReceiverOptions;
  #opener: Opener | null = null;
  #codec: VideoCodec;
  #order = new FrameOrder<Encoded>();
  #sequence = new Unwrapper(16);
  #timestamp = new Unwrapper(32);
  #seen = new Set<number>();
  #decoder: VideoDecoder | null = null;
  #decoderCodec: VideoCodec | null = null;
  #decoded: { frame: VideoFrame; media: number }[] = [];
  #newest = Number.NEGATIVE_INFINITY; // media time given to the decoder
  #painter: Painter | null = null;
  #wake: ReturnType<typeof setTimeout> | null = null;
  #show: ReturnType<typeof setTimeout> | null = null;
  #keyAsked = Number.NEGATIVE_INFINITY;
  #closed = false;
  #paused = false;

  constructor(codec: Codec, options: VideoReceiverOptions) {
    this.#codec = codec === 'opus' ? 'vp8' : codec;
    this.#options = options;
  }

  /** Shows the picture there from now on; null to show it nowhere. */
  setCanvas(canvas: OffscreenCanvas | null): void {
    const context = canvas?.getContext('2d', { alpha: false, desynchronized: false });
    this.#painter = context ? new Painter(context) : null;
  }

  setCodec(codec: Codec): void {
    if (codec !== 'opus') this.#codec = codec;
  }

  /** What decrypts; null if the track is not encrypted. */
  setOpener(opener: Opener | null): void {
    this.#opener = opener;
  }

  /** The sender has turned its camera off: no picture is meant to come. */
  setMuted(muted: boolean): void {
    this.#paused = muted;
    if (muted) this.meter.pause();
  }

  /** Takes an RTP packet, one frame. A key frame's sequence number, unwrapped, is returned: it names the group. */
  packet(bytes: Bytes): number | null {
    const at = now();
    this.bytes += bytes.length;
    const packet = parseRTP(bytes);
    const mark = packet && markingOf(packet);
    if (!packet || !mark || this.#closed) return null;
    const seq = this.#sequence.unwrap(packet.sequence);
    const group = mark.independent ? seq : null;
    if (this.#seen.has(seq)) return group;
    this.#seen.add(seq);
    if (this.#seen.size > 1024) this.#seen.delete(this.#seen.values().next().value as number);
    const lostBefore = this.reception.lost;
    this.reception.add(seq);
    this.lost.add(this.reception.lost - lostBefore, at); // negative when a late one comes after all
    const media = this.#timestamp.unwrap(packet.timestamp) / 90;
    this.jitter.add(at, media);
    const codec = (videoCodecOf(packet.payloadType) ?? this.#codec) as VideoCodec;
    const frame: Encoded = {
      seq,
      tid: mark.tid,
      tl0: mark.tl0,
      key: mark.independent,
      baseSync: mark.baseSync,
      arrived: at,
      media,
      codec,
      payload: packet.payload,
    };
    if (!this.#opener) this.#take(frame, at);
    else {
      // One that cannot be decrypted is as good as lost.
      this.opening.add(this.#opener.open(packet.payload), (payload) => {
        if (payload && !this.#closed) this.#take({ ...frame, payload }, now());
      });
    }
    return group;
  }

  #take(frame: Encoded, at: number): void {
    this.#order.push(frame);
    this.#advance(at);
  }

  /** The stream that began with the key frame of this number has ended. */
  ended(group: number): void {
    this.opening.after(() => {
      if (this.#closed) return;
      this.#order.ended(group);
      this.#advance(now());
    });
  }

  /** A stream of this track was reset. `base`: it carried the base layer, as far as is known. */
  cut(base: boolean): void {
    this.opening.after(() => {
      if (!base || this.#closed) return;
      this.#order.cut();
      this.#advance(now());
    });
  }

  /** There may be a new beginning: after a resumption a key frame is on its way or must be asked for. */
  resumed(): void {
    this.#keyAsked = Number.NEGATIVE_INFINITY;
    this.#order.cut();
    this.#advance(now());
  }

  #advance(at: number): void {
    for (const frame of this.#order.next(at)) this.#decode(frame);
    if (this.#wake) clearTimeout(this.#wake);
    this.#wake = null;
    if (this.#order.needKey) this.#askKey(at);
    const asks = this.#order.needKey && this.reception.received > 0 && !this.#opener?.hopeless;
    const wake = Math.min(this.#order.wakeAt, asks ? this.#keyAsked + KEY_WAIT : Number.POSITIVE_INFINITY);
    if (wake < Number.POSITIVE_INFINITY && !this.#closed) {
      this.#wake = setTimeout(() => this.#advance(now()), Math.max(1, wake - at));
    }
  }

  #askKey(at: number): void {
    // Who cannot read a track must not cost the others, whose picture gets worse with every key frame.
    if (at - this.#keyAsked < KEY_EVERY || this.#paused || this.#opener?.hopeless) return;
    this.#keyAsked = at;
    this.#options.requestKey();
  }

  #decode(frame: Encoded): void {
    const decoder = this.#ready(frame);
    if (!decoder) return;
    if (frame.tid > 0 && decoder.decodeQueueSize > UPPER_QUEUE) return; // this machine cannot keep up
    if (decoder.decodeQueueSize > MAX_QUEUE) {
      this.#fail();
      return;
    }
    this.#newest = Math.max(this.#newest, frame.media);
    try {
      decoder.decode(
        new EncodedVideoChunk({
          type: frame.key ? 'key' : 'delta',
          timestamp: Math.round(frame.media * 1000),
          data: frame.payload,
        }),
      );
    } catch {
      this.#fail();
    }
  }

  #ready(frame: Encoded): VideoDecoder | null {
    if (this.#decoder?.state === 'configured' && this.#decoderCodec === frame.codec) return this.#decoder;
    if (!frame.key) {
      this.#order.reset();
      return null;
    }
    this.#closeDecoder();
    try {
      this.#decoder = new VideoDecoder({ output: (f) => this.#output(f), error: () => this.#fail() });
      this.#decoder.configure({ codec: CODEC_STRING[frame.codec], optimizeForLatency: true });
      this.#decoderCodec = frame.codec;
    } catch {
      this.#closeDecoder();
    }
    return this.#decoder;
  }

  #fail(): void {
    if (this.#closed) return;
    this.#closeDecoder();
    this.#order.reset();
    this.#advance(now());
  }

  #closeDecoder(): void {
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
  }

  #output(frame: VideoFrame): void {
    const at = now();
    const media = frame.timestamp / 1000;
    const behind = this.#newest - media;
    if (this.#closed || !this.#painter || (behind > BEHIND_MS && at - this.meter.last < SHOW_MS)) {
      frame.close();
      return;
    }
    if (behind < BEHIND_MS) this.schedule.ready(media, at);
    this.#decoded.push({ frame, media });
    this.#tick();
    // Sound that is very late holds the picture back: what there is no more room for is shown before its time, not never.
    while (this.#decoded.length > MAX_DECODED) {
      const oldest = this.#decoded.shift();
      if (oldest) this.#draw(oldest.frame, oldest.media);
    }
  }

  /** Shows the newest frame whose time has come and sets the alarm for the next one. */
  #tick(): void {
    if (this.#show) clearTimeout(this.#show);
    this.#show = null;
    const at = now();
    let due = -1;
    for (let i = 0; i < this.#decoded.length; i++) {
      if (this.#due(i) <= at + SOON) due = i;
    }
    if (due >= 0) {
      const shown = this.#decoded.splice(0, due + 1);
      const last = shown.pop();
      for (const { frame } of shown) frame.close();
      if (last) this.#draw(last.frame, last.media);
    }
    if (this.#decoded.length > 0) {
      this.#show = setTimeout(() => this.#tick(), Math.max(0, Math.min(500, this.#due(0) - at)));
    }
  }

  #due(i: number): number {
    const media = this.#decoded[i]?.media ?? 0;
    return this.schedule.due(media, this.#options.heardAt(media));
  }

  #draw(frame: VideoFrame, media: number): void {
    if (!this.#painter) {
      frame.close();
      return;
    }
    const { displayWidth, displayHeight } = frame;
    this.#painter.paint(frame).then(
      () => {
        this.width = displayWidth;
        this.height = displayHeight;
        this.#drawn(media);
      },
      () => undefined, // the canvas is gone
    );
  }

  #drawn(media: number): void {
    const at = now();
    if (!this.#paused) this.meter.add(at);
    if (!this.#options.steady) this.meter.pause();
    const off = at - this.#options.heardAt(media);
    if (Number.isNaN(this.lipSync) || Number.isNaN(off)) this.lipSync = off;
    else this.lipSync += (off - this.lipSync) / 8;
  }

  close(): void {
    this.#closed = true;
    if (this.#wake) clearTimeout(this.#wake);
    if (this.#show) clearTimeout(this.#show);
    for (const { frame } of this.#decoded) frame.close();
    this.#decoded = [];
    this.#closeDecoder();
  }
}
