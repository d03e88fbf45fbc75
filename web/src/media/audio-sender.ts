// The microphone's way: blocks of 20 ms → Opus (→ encryption) → RED → datagrams. Muted means true zeros on the way as before, so that a muted person costs
// what a silent one does and nothing of the room leaks.

import { writeRED } from '../protocol/red.ts';
import { EXT_AUDIO_LEVEL, PAYLOAD_TYPE, type RTPPacket, rtpSize, writeRTP } from '../protocol/rtp.ts';
import { type Bytes, varintSize, writeVarint } from '../protocol/varint.ts';
import type { Session } from '../transport/transport.ts';
import { now } from './clock.ts';
import { Blocker, Resampler } from './resample.ts';
import type { Seal } from './sealing.ts';

const RATE = 48_000;
const BLOCK = 960;
const BITRATE = 40_000;
const MAX_DATAGRAM = 1150; // largest that every path takes: QUIC discovers its MTU anew after a change of network
const DRIFT_MS = 40; // card and clock may differ by this much before a silence is used to correct it
const DRIFT_MAX_MS = 100;
const QUIET = 0.003;
const MAX_INSIDE = 10;
const MAX_SEALING = 5; // blocks in encryption
const LEADS = 25; // blocks, half a second
const HOLE_US = 30_000; // timestamps of captured sound are no more exact

export class AudioSender {
  bytes = 0;
  packets = 0;
  /** Root mean square of the last block, before muting. */
  level = 0;
  muted = false;
  readonly #flow: number;
  readonly #ssrc: number;
  readonly #epoch: number;
  readonly #seal: Seal | null;
  #session: Session | null = null;
  #encoder: AudioEncoder | null = null;
  #stop: (() => void) | null = null;
  #next = Number.NaN; // media time of the next block, samples
  #lead: number[] = [];
  #sequence = Math.floor(Math.random() * 0x8000);
  #previous: { timestamp: number; data: Bytes } | null = null;
  // Blocks inside the encoder. Encoders stamp what they give out by counting samples and so lose every hole: the stamps are kept here.
  #inside: { timestamp: number; level: number }[] = [];

  /** `seal` encrypts; null in a call that is not encrypted. */
  constructor(o: { flow: number; ssrc: number; epoch: number; seal: Seal | null }) {
    this.#flow = o.flow;
    this.#ssrc = o.ssrc;
    this.#epoch = o.epoch;
    this.#seal = o.seal;
  }

  use(session: Session | null): void {
    this.#session = session;
  }

  /** Takes sound from the source, instead of the one before. */
  start(source: ReadableStream<AudioData> | MessagePort): void {
    this.stop();
    if (source instanceof MessagePort) {
      source.onmessage = (e: MessageEvent<Float32Array<ArrayBuffer>>) => this.#block(e.data);
      this.#stop = () => source.close();
      return;
    }
    const reader = source.getReader();
    this.#stop = () => void reader.cancel().catch(() => undefined);
    void this.#pump(reader);
  }

  /** Stops; the source is released. */
  stop(): void {
    this.#stop?.();
    this.#stop = null;
    this.level = 0;
    this.#next = Number.NaN;
    this.#lead = [];
  }

  close(): void {
    this.stop();
    if (this.#encoder && this.#encoder.state !== 'closed') this.#encoder.close();
    this.#encoder = null;
    this.#session = null; // what is still in encryption has nowhere to go
  }

  async #pump(reader: ReadableStreamDefaultReader<AudioData>): Promise<void> {
    const blocker = new Blocker(BLOCK);
    let resampler: Resampler | null = null;
    let expected = Number.NaN;
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        resampler ??= new Resampler(value.sampleRate, RATE);
        // What the page or this worker was too busy to take is missing: a hole, so that what follows keeps its time.
        const gap = value.timestamp - expected;
        if (gap > HOLE_US) this.#next += Math.round((gap * 48) / 1000);
        expected = value.timestamp + value.duration;
        const samples = new Float32Array(value.numberOfFrames);
        try {
          value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
        } finally {
          value.close();
        }
        blocker.push(resampler.push(samples), (block) => this.#block(block));
      }
    } catch {
      // the device went away; the page tells the person
    }
  }

  #block(block: Float32Array<ArrayBuffer>): void {
    let square = 0;
    for (const v of block) square += v * v;
    this.level = Math.sqrt(square / block.length);
    if (this.muted) block.fill(0);
    const timestamp = this.#stamp();
    const encoder = this.#ready();
    if (!encoder || this.#inside.length > MAX_INSIDE) return;
    if (this.#seal && this.#seal.waiting > MAX_SEALING) return;
    const data = new AudioData({
      format: 'f32-planar',
      sampleRate: RATE,
      numberOfFrames: block.length,
      numberOfChannels: 1,
      timestamp: Math.round((timestamp * 1000) / 48),
      data: block,
    });
    try {
      encoder.encode(data);
      this.#inside.push({ timestamp, level: this.muted ? 0 : this.level });
    } catch {
      this.#encoder = null; // made anew with the next block
    } finally {
      data.close();
    }
  }

  /**
   * Media time of the block that has just come, in samples. Blocks follow each other without a hole, whatever jitter they arrive with; only when
   * the card's clock has drifted from ours, or the capture was interrupted, the count is set anew, if possible during a silence.
   */
  #stamp(): number {
    const arrived = Math.round((now() - this.#epoch) * 48) - BLOCK; // of its first sample
    if (Number.isNaN(this.#next)) this.#next = arrived;
    this.#lead.push(arrived - this.#next);
    if (this.#lead.length > LEADS) this.#lead.shift();
    // The block that came soonest says most about the clock; the others were only held up.
    const drift = Math.min(...this.#lead);
    const late = drift > DRIFT_MS * 48 && (this.level < QUIET || drift > DRIFT_MAX_MS * 48);
    const early = drift < -DRIFT_MAX_MS * 48;
    if (this.#lead.length === LEADS && (late || early)) {
      // Backwards would repeat timestamps: a card that is too fast loses a block instead.
      this.#next += late ? drift : 0;
      if (early) this.#next -= BLOCK;
      this.#lead = [];
    }
    const at = this.#next;
    this.#next += BLOCK;
    return at;
  }

  #ready(): AudioEncoder | null {
    if (this.#encoder?.state === 'configured') return this.#encoder;
    this.#inside = [];
    try {
      this.#encoder = new AudioEncoder({ output: (chunk) => this.#encoded(chunk), error: () => undefined });
      this.#encoder.configure({ codec: 'opus', sampleRate: RATE, numberOfChannels: 1, bitrate: BITRATE });
    } catch {
      this.#encoder = null;
    }
    return this.#encoder;
  }

  #encoded(chunk: EncodedAudioChunk): void {
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    const block = this.#inside.shift();
    if (!block) return;
    if (!this.#seal) this.#packet(data, block);
    else this.#seal.seal(data, (sealed) => sealed && this.#packet(sealed, block));
  }

  /** Sends a block, with the one before it as it was sent then: redundancy is not encrypted anew. */
  #packet(data: Bytes, { timestamp, level }: { timestamp: number; level: number }): void {
    const blocks = [{ payloadType: PAYLOAD_TYPE.opus, offset: 0, data }];
    const before = this.#previous;
    if (before && timestamp > before.timestamp) {
      blocks.unshift({
        payloadType: PAYLOAD_TYPE.opus,
        offset: timestamp - before.timestamp,
        data: before.data,
      });
    }
    this.#previous = { timestamp, data };
    this.#send(blocks, timestamp, level);
  }

  #send(blocks: Parameters<typeof writeRED>[0], timestamp: number, level: number): void {
    const packet: RTPPacket = {
      payloadType: PAYLOAD_TYPE.red,
      marker: false,
      sequence: this.#sequence,
      timestamp: timestamp % 2 ** 32,
      ssrc: this.#ssrc,
      extensions: [{ id: EXT_AUDIO_LEVEL, data: Uint8Array.of(audioLevel(level)) }],
      payload: writeRED(blocks),
    };
    const size = varintSize(this.#flow) + rtpSize(packet);
    if (size > MAX_DATAGRAM) {
      if (blocks.length > 1) this.#send(blocks.slice(-1), timestamp, level);
      return;
    }
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const out = new Uint8Array(size);
    writeRTP(out, writeVarint(out, 0, this.#flow), packet);
    this.#session?.datagram(out);
    this.bytes += size;
    this.packets++;
  }
}

/** RFC 6464: voice activity, and the level below full scale in dB, 127 for silence. */
export function audioLevel(rms: number): number {
  const dB = rms > 0 ? Math.min(127, Math.max(0, Math.round(-20 * Math.log10(rms)))) : 127;
  return (dB < 45 ? 0x80 : 0) | dB;
}
