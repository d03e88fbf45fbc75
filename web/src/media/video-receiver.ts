// The way of somebody's picture: packets of several streams and encodings (→ decryption) → order → decoder → canvas. It owns the decoded frames and closes every one.

import type { Codec } from '../protocol/messages.gen.ts';
import { markingOf, parseRTP, videoCodecOf } from '../protocol/rtp.ts';
import { Unwrapper } from '../protocol/unwrap.ts';
import type { Bytes } from '../protocol/varint.ts';
import { now } from './clock.ts';
import type { VideoCodec } from './codecs.ts';
import { EncodingSwitch } from './encoding-switch.ts';
import { FreezeMeter, Tally } from './freeze.ts';
import { InOrder } from './in-order.ts';
import type { EncodedFrame } from './incoming-encoding.ts';
import { InterarrivalJitter, type Reception } from './jitter.ts';
import { Painter } from './painter.ts';
import { VideoSchedule } from './schedule.ts';
import type { Opener } from './sealing.ts';
import { newDecoder } from './warm.ts';

const MAX_DECODED = 12; // frames that wait to be shown; decoders have few pictures to give out
const MAX_QUEUE = 400; // frames inside the decoder: the longest group of a late joiner
const UPPER_QUEUE = 12; // with more, upper layers are left out
const BEHIND_MS = 250; // a frame this much older than the newest is part of a burst and not shown ...
const SHOW_MS = 400; // ... unless nothing was shown for this long
const KEY_EVERY = 500; // ms between requests for a key frame
const KEY_WAIT = 1_000; // ms after which one is asked for again
const SOON = 3; // ms; timers are no more exact
const STALE_MS = 1_000; // a camera's picture that has waited so long for a canvas is not shown
const ASTRAY_MS = 5_000; // so far from the sound says nothing

interface Encoded extends EncodedFrame {
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
  #codec: VideoCodec;
  #encodings = new EncodingSwitch<Encoded>();
  #timestamp = new Unwrapper(32);
  #decoder: VideoDecoder | null = null;
  #decoderCodec: VideoCodec | null = null;
  #decoded: { frame: VideoFrame; media: number; at: number }[] = [];
  #newest = Number.NEGATIVE_INFINITY; // media time given to the decoder
  #shown = Number.NEGATIVE_INFINITY; // media time given to the painter
  #painter: Painter | null = null;
  #wake: ReturnType<typeof setTimeout> | null = null;
  #show: ReturnType<typeof setTimeout> | null = null;
  #keyAsked = Number.NEGATIVE_INFINITY;
  #closed = false;
  #lost = 0; // in the tally
  #muted = false;
  #wanted = true;

  constructor(codec: Codec, options: VideoReceiverOptions) {
    this.#codec = codec === 'opus' ? 'vp8' : codec;
    this.#options = options;
  }

  /** Shows the picture there from now on; null to show it nowhere. */
  setCanvas(canvas: OffscreenCanvas | null): void {
    const context = canvas?.getContext('2d', { alpha: false, desynchronized: false });
    this.#painter = context ? new Painter(context) : null;
    this.#shown = Number.NEGATIVE_INFINITY; // nothing on this one
    if (canvas && this.#options.steady) this.#dropStale(now() - STALE_MS);
    this.#tick();
  }

  #dropStale(before: number): void {
    for (const { frame } of this.#decoded.filter((d) => d.at < before)) frame.close();
    this.#decoded = this.#decoded.filter((d) => d.at >= before);
  }

  setCodec(codec: Codec): void {
    if (codec !== 'opus') this.#codec = codec;
  }

  /** The encodings of the track, by their flow identifiers, and what makes the openers of each; null if they are not encrypted. */
  setEncodings(flows: readonly number[], newOpener: (() => Opener) | null): void {
    this.#encodings.set(flows);
    this.#lost = this.framesLost; // not those of an encoding that is gone
    for (const encoding of this.#encodings.all()) {
      encoding.opener = newOpener ? (encoding.opener ?? newOpener()) : null;
    }
  }

  /** The sender has turned its camera off: no picture is meant to come. */
  setMuted(muted: boolean): void {
    this.#muted = muted;
    this.#changed();
  }

  /** Whether the server is asked for the picture. The last one stays. */
  setWanted(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    const reception = this.#encodings.active?.reception;
    if (wanted) {
      // The server begins with a key frame by itself.
      this.#keyAsked = now();
      this.#encodings.cut();
      reception?.resume();
    } else reception?.pause();
    this.#changed();
  }

  get wanted(): boolean {
    return this.#wanted;
  }

  get #paused(): boolean {
    return this.#muted || !this.#wanted;
  }

  #changed(): void {
    if (this.#paused) this.meter.pause();
    else if (this.#received) this.#advance(now());
  }

  /** What came of each encoding, by its flow identifier. */
  *receptions(): Generator<[number, Reception]> {
    for (const [flow, { reception }] of this.#encodings.entries()) yield [flow, reception];
  }

  /** Frames that should have come and did not. */
  get framesLost(): number {
    let lost = 0;
    for (const { reception } of this.#encodings.all()) lost += reception.lost;
    return lost;
  }

  /** Frames that could not be decrypted. */
  get undecrypted(): number {
    let failed = 0;
    for (const { opener } of this.#encodings.all()) failed += opener?.failed ?? 0;
    return failed;
  }

  /** It is encrypted with another key. */
  get wrongKey(): boolean {
    return [...this.#encodings.all()].some(({ opener }) => opener?.wrongKey);
  }

  get #hopeless(): boolean {
    return [...this.#encodings.all()].some(({ opener }) => opener?.hopeless);
  }

  get #received(): boolean {
    return [...this.#encodings.all()].some(({ reception }) => reception.received > 0);
  }

  /** Takes an RTP packet, one frame, of an encoding. A key frame's sequence number, unwrapped, is returned: it names the group. */
  packet(flow: number, bytes: Bytes): number | null {
    const at = now();
    this.bytes += bytes.length;
    const packet = parseRTP(bytes);
    const mark = packet && markingOf(packet);
    const encoding = this.#encodings.get(flow);
    if (!packet || !mark || !encoding || this.#closed) return null;
    const seq = encoding.number(packet.sequence, at);
    const group = mark.independent ? seq : null;
    if (!encoding.count(seq)) return group;
    this.#countLost(at);
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
    if (!encoding.opener) this.#take(flow, frame, at);
    else {
      // One that cannot be decrypted is as good as lost.
      this.opening.add(encoding.opener.open(packet.payload), (payload) => {
        if (payload && !this.#closed) this.#take(flow, { ...frame, payload }, now());
      });
    }
    return group;
  }

  #take(flow: number, frame: Encoded, at: number): void {
    this.#encodings.get(flow)?.push(frame);
    this.#advance(at);
  }

  /** The stream of an encoding that began with the key frame of this number has ended. */
  ended(flow: number, group: number): void {
    this.opening.after(() => {
      if (this.#closed) return;
      this.#encodings.get(flow)?.order.ended(group);
      this.#advance(now());
    });
  }

  /** A stream of an encoding was reset. `base`: it carried the base layer, as far as is known. */
  cut(flow: number, base: boolean): void {
    this.opening.after(() => {
      if (!base || this.#closed) return;
      this.#encodings.get(flow)?.order.cut();
      this.#advance(now());
    });
  }

  /** There may be a new beginning: after a resumption a key frame is on its way or must be asked for. */
  resumed(): void {
    this.#keyAsked = Number.NEGATIVE_INFINITY;
    this.#encodings.cut();
    this.#advance(now());
  }

  #advance(at: number): void {
    const frames = this.#encodings.next(at);
    this.#countLost(at); // what is missing of an encoding counts once it is gone over to
    for (const frame of frames) this.#decode(frame);
    if (this.#wake) clearTimeout(this.#wake);
    this.#wake = null;
    // Who cannot read a track must not cost the others, whose picture gets worse with every key frame.
    const asks = this.#encodings.needKey && !this.#paused && !this.#hopeless;
    if (asks) this.#askKey(at);
    const again = asks && this.#received ? this.#keyAsked + KEY_WAIT : Number.POSITIVE_INFINITY;
    const wake = Math.min(this.#encodings.wakeAt, again);
    if (wake < Number.POSITIVE_INFINITY && !this.#closed) {
      this.#wake = setTimeout(() => this.#advance(now()), Math.max(1, wake - at));
    }
  }

  #countLost(at: number): void {
    const lost = this.framesLost;
    this.lost.add(lost - this.#lost, at); // negative when a late one comes after all
    this.#lost = lost;
  }

  #askKey(at: number): void {
    if (at - this.#keyAsked < KEY_EVERY) return;
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
      this.#encodings.reset();
      return null;
    }
    this.#closeDecoder();
    try {
      this.#decoder = newDecoder(frame.codec, { output: (f) => this.#output(f), error: () => this.#fail() });
      this.#decoderCodec = frame.codec;
    } catch {
      this.#closeDecoder();
    }
    return this.#decoder;
  }

  #fail(): void {
    if (this.#closed) return;
    this.#closeDecoder();
    this.#encodings.reset();
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
    const past = media < this.#shown; // an encoding that goes on from a key frame of the past
    if (this.#closed || past || (behind > BEHIND_MS && at - this.meter.last < SHOW_MS)) {
      frame.close();
      return;
    }
    if (behind < BEHIND_MS) this.schedule.ready(media, at);
    this.#decoded.push({ frame, media, at });
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
    if (!this.#painter) {
      // Nothing to show it on: the newest waits for that.
      for (const { frame } of this.#decoded.splice(0, this.#decoded.length - 1)) frame.close();
      return;
    }
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
    if (this.#shown === Number.NEGATIVE_INFINITY) return 0; // the first picture comes at once
    const media = this.#decoded[i]?.media ?? 0;
    return this.schedule.due(media, this.#options.heardAt(media));
  }

  #draw(frame: VideoFrame, media: number): void {
    if (!this.#painter) {
      frame.close();
      return;
    }
    const { displayWidth, displayHeight } = frame;
    this.#shown = Math.max(this.#shown, media);
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
    if (Math.abs(off) > ASTRAY_MS) return;
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
