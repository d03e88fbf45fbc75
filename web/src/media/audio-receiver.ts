// The way of somebody's sound: datagram → RED (→ decryption) → Opus decoder → the playout worklet. What arrives is decoded at once; order and delay are
// the playout's, which places sound by its media time.

import { parseRED } from '../protocol/red.ts';
import { PAYLOAD_TYPE, type RTPPacket } from '../protocol/rtp.ts';
import { Unwrapper } from '../protocol/unwrap.ts';
import type { Bytes } from '../protocol/varint.ts';
import type { FromPlayout } from '../workers/messages.ts';
import { OPUS } from './codecs.ts';
import { Tally } from './freeze.ts';
import { InOrder } from './in-order.ts';
import { InterarrivalJitter, Reception } from './jitter.ts';
import type { Opener } from './sealing.ts';

const REMEMBER = 128; // timestamps, to tell what was already decoded
const MAX_INSIDE = 50; // packets in the decoder
const MAX_OPENING = 20; // packets in decryption: more than a network holds back and then releases at once
const LONG_MS = 60_000; // without a packet: sequence numbers may have gone round meanwhile
const STALE_MS = 1_000; // without a word from the worklet: the sound stands still

export type SendPCM = (start: number, pcm: Float32Array<ArrayBuffer>) => void;

export class AudioReceiver {
  readonly reception = new Reception();
  readonly jitter = new InterarrivalJitter();
  /** Sound made up, ms. */
  readonly concealed = new Tally();
  bytes = 0;
  level = 0;
  /** From the quickest possible arrival to the sound card, ms. */
  delayMs = 0;
  #sequence = new Unwrapper(16);
  #timestamp = new Unwrapper(32);
  #sequences = new Set<number>();
  #cameAt = Number.NEGATIVE_INFINITY;
  #decoded = new Set<number>();
  #decoder: AudioDecoder | null = null;
  // Packets inside the decoder. Decoders stamp what they give out by counting samples and so lose every hole: the stamps are kept here.
  #inside: number[] = [];
  #opener: Opener | null = null;
  readonly #opening = new InOrder();
  #closed = false;
  #send: SendPCM;
  #concealedSamples = 0;
  #position = Number.NaN; // ms of media time
  #positionAt = Number.NaN; // s of the audio context
  #playedAt = Number.NEGATIVE_INFINITY;

  constructor(send: SendPCM) {
    this.#send = send;
  }

  /** What decrypts; null if the track is not encrypted. */
  setOpener(opener: Opener | null): void {
    this.#opener = opener;
  }

  /** Whether the server sends the track on: what it does not is not lost. */
  setSent(sent: boolean): void {
    if (sent) this.reception.resume();
    else this.reception.pause();
  }

  packet(packet: RTPPacket, now: number): void {
    this.bytes += packet.payload.length;
    const seq = this.#sequence.unwrap(packet.sequence, now - this.#cameAt > LONG_MS);
    this.#cameAt = now;
    if (!remember(this.#sequences, seq)) return;
    this.reception.add(seq);
    const timestamp = this.#timestamp.unwrap(packet.timestamp);
    this.jitter.add(now, timestamp / 48);
    if (packet.payloadType === PAYLOAD_TYPE.opus) {
      this.#open(timestamp, packet.payload);
      return;
    }
    if (packet.payloadType !== PAYLOAD_TYPE.red) return;
    for (const block of parseRED(packet.payload) ?? []) {
      if (block.data.length > 0 && block.payloadType === PAYLOAD_TYPE.opus) {
        this.#open(timestamp - block.offset, block.data);
      }
    }
  }

  /** Decodes what has not come before, decrypted if need be. A redundant block is the same ciphertext, so it is decrypted once. */
  #open(timestamp: number, data: Bytes): void {
    if (!remember(this.#decoded, timestamp)) return;
    if (!this.#opener) {
      this.#decode(timestamp, data);
      return;
    }
    if (this.#opening.waiting >= MAX_OPENING) return;
    this.#opening.add(this.#opener.open(data), (plain) => {
      if (plain && plain.length > 0 && !this.#closed) this.#decode(timestamp, plain);
    });
  }

  #decode(timestamp: number, data: Bytes): void {
    const decoder = this.#ready();
    if (!decoder || this.#inside.length > MAX_INSIDE) return;
    try {
      const at = Math.round((timestamp * 1000) / 48); // µs
      decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: at, data }));
      this.#inside.push(timestamp);
    } catch {
      this.#decoder = null; // made anew with the next packet
    }
  }

  #ready(): AudioDecoder | null {
    if (this.#decoder?.state === 'configured') return this.#decoder;
    this.#inside = [];
    try {
      this.#decoder = new AudioDecoder({
        output: (data) => {
          try {
            this.#pcm(data);
          } finally {
            data.close();
          }
        },
        error: () => undefined, // it is closed now
      });
      this.#decoder.configure(OPUS);
    } catch {
      this.#decoder = null;
    }
    return this.#decoder;
  }

  #pcm(data: AudioData): void {
    const start = this.#inside.shift();
    if (start === undefined) return;
    const pcm = new Float32Array(data.numberOfFrames);
    data.copyTo(pcm, { planeIndex: 0, format: 'f32-planar' });
    if (data.numberOfChannels > 1) {
      const other = new Float32Array(data.numberOfFrames);
      data.copyTo(other, { planeIndex: 1, format: 'f32-planar' });
      for (let i = 0; i < pcm.length; i++) pcm[i] = ((pcm[i] as number) + (other[i] as number)) / 2;
    }
    this.#send(start, pcm);
  }

  /** What the worklet says about this track. */
  played(voice: FromPlayout['voices'][number], contextTime: number, now: number): void {
    this.level = voice.level;
    this.delayMs = voice.delayMs;
    this.concealed.add((voice.concealed - this.#concealedSamples) / 48, now);
    this.#concealedSamples = voice.concealed;
    this.#position = voice.position / 48;
    this.#positionAt = contextTime;
    this.#playedAt = now;
  }

  /** The media time (ms) that leaves the worklet at `contextTime` (s); null while nothing plays. */
  position(now: number): { media: number; contextTime: number } | null {
    if (now - this.#playedAt > STALE_MS || Number.isNaN(this.#position)) return null;
    return { media: this.#position, contextTime: this.#positionAt };
  }

  close(): void {
    this.#closed = true;
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
  }
}

/** Adds to a set of bounded size. False: it was there. */
function remember(set: Set<number>, value: number): boolean {
  if (set.has(value)) return false;
  set.add(value);
  if (set.size > REMEMBER) set.delete(set.values().next().value as number);
  return true;
}
