// One published track on its way up: RTP numbering, groups and streams. It outlives sessions; sequence numbers and the SSRC go on.

import { framed } from '../protocol/framing.ts';
import {
  EXT_FRAME_MARKING,
  type FrameMarking,
  type RTPPacket,
  rtpSize,
  writeMarking,
  writeRTP,
} from '../protocol/rtp.ts';
import type { Bytes } from '../protocol/varint.ts';
import type { OutStream, Session } from '../transport/transport.ts';
import { Pacer } from './pacer.ts';

/** A random 32 bit number, for an SSRC. */
export function randomSSRC(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

export interface EncodedFrame {
  key: boolean;
  tid: number;
  payloadType: number;
  timestamp: number; // 90 kHz, modulo 2^32
  payload: Bytes;
}

/** Writes the frames of a video track, a stream per group and temporal layer. */
export class VideoStreams {
  readonly #flow: number;
  readonly #ssrc: number;
  readonly #pacer: Pacer;
  #session: Session | null = null;
  #streams = new Map<number, { out: OutStream; begun: boolean }>();
  #sequence = Math.floor(Math.random() * 0x8000);
  #tl0 = 0;
  #open = false; // a group is being sent
  #lastTid = 0;

  /** `pace` is at how many bits per second large frames go; Infinity: at once. */
  constructor(flow: number, ssrc: number, pace: () => number) {
    this.#flow = flow;
    this.#ssrc = ssrc;
    this.#pacer = new Pacer(pace);
  }

  /** Frames go to this session from the next key frame on. */
  use(session: Session | null): void {
    this.#pacer.drop();
    this.#streams.clear(); // they ended with their session
    this.#open = false;
    this.#session = session;
  }

  /** Without a group, nothing but a key frame can be sent. */
  get needsKey(): boolean {
    return !this.#open;
  }

  /** Writes of a layer that the transport has not taken yet, and frames that are not given to it yet. */
  backlog(tid: number): number {
    const out = this.#streams.get(tid)?.out;
    return out ? out.backlog + this.#pacer.waiting(out) : 0;
  }

  /** For how long the oldest frame waits to be given to the transport, ms. */
  held(at: number): number {
    return this.#pacer.age(at);
  }

  /** Writes a frame; false if it has no group to go to. `sent` is called with its sequence number when it is on its way. */
  write(frame: EncodedFrame, sent: (sequence: number) => void): boolean {
    if (!this.#session || !(frame.key || this.#open)) return false;
    if (frame.key) this.#begin();
    if (frame.tid === 0) this.#tl0 = (this.#tl0 + 1) & 0xff;
    let stream = this.#streams.get(frame.tid);
    if (!stream || stream.out.broken) {
      if (stream && frame.tid === 0) {
        this.cut();
        return false;
      }
      stream = { out: this.#session.openStream(), begun: false };
      this.#streams.set(frame.tid, stream);
    }
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & 0xffff;
    const packet = this.#packet(frame, sequence);
    const flow = stream.begun ? null : this.#flow;
    const bytes = framed(flow, rtpSize(packet), (out, at) => writeRTP(out, at, packet));
    this.#pacer.write(stream.out, bytes, () => sent(sequence));
    stream.begun = true;
    this.#lastTid = frame.tid;
    return true;
  }

  #packet(frame: EncodedFrame, sequence: number): RTPPacket {
    const marking: FrameMarking = {
      independent: frame.key,
      discardable: frame.tid > 0,
      // With two layers every upper frame follows its base frame; with three only the first after it is sure to.
      baseSync: frame.tid > 0 && this.#lastTid === 0,
      tid: frame.tid,
      tl0: this.#tl0,
    };
    return {
      payloadType: frame.payloadType,
      marker: true,
      sequence,
      timestamp: frame.timestamp,
      ssrc: this.#ssrc,
      extensions: [{ id: EXT_FRAME_MARKING, data: writeMarking(marking) }],
      payload: frame.payload,
    };
  }

  #begin(): void {
    for (const { out } of this.#streams.values()) this.#pacer.finish(out);
    this.#streams.clear();
    this.#open = true;
  }

  /** Gives up the group: what waits is thrown away, and only a key frame goes on. */
  cut(): void {
    this.#pacer.drop();
    for (const { out } of this.#streams.values()) out.abort();
    this.#streams.clear();
    this.#open = false;
  }
}
