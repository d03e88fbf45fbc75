// A participant that is not our page: a bare WebTransport session in a browser, driven message by message, for what our own page never does.

import type { JSHandle, Page } from 'puppeteer-core';
import type { FromServer } from '../../src/protocol/messages.gen.ts';
import type { Server } from './server.ts';
import { LIMIT_MS, until } from './wait.ts';

/** What lives in the page. */
interface Session {
  transport: WebTransport;
  said: FromServer[];
  ended: boolean;
  /** Media frames by flow, with the time of the newest (ms). */
  frames: Record<number, { count: number; at: number; longestGapMs: number }>;
  replies: number;
  control: WritableStreamDefaultWriter<Uint8Array>;
  datagrams: WritableStreamDefaultWriter<Uint8Array>;
  /** From here on unread. */
  stall: boolean;
}

export interface RawOptions {
  /** Reads neither media streams nor datagrams. */
  stalled?: boolean;
}

export class RawPeer {
  private constructor(
    readonly page: Page,
    readonly session: JSHandle<Session>,
  ) {}

  /** Opens a session straight to the server. The page must be of the server's origin. */
  static async open(page: Page, server: Server, options: RawOptions = {}): Promise<RawPeer> {
    const config = await server.get<{ webtransport_url: string; certificate_hashes: { value: string }[] }>(
      '/api/config',
    );
    const session = await page.evaluateHandle(
      async (url: string, hashes: string[], stalled: boolean) => {
        const transport = new WebTransport(url, {
          serverCertificateHashes: hashes.map((hex) => ({
            algorithm: 'sha-256',
            value: Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16)),
          })),
        });
        await transport.ready;
        const control = await transport.createBidirectionalStream();
        // Firefox and the newer drafts make the writable side anew each time.
        const duplex = transport.datagrams as WebTransportDatagramDuplexStream & {
          createWritable(): WritableStream<Uint8Array>;
        };
        const s: Session = {
          transport,
          said: [],
          ended: false,
          frames: {},
          replies: 0,
          control: control.writable.getWriter(),
          datagrams: (duplex.writable ?? duplex.createWritable()).getWriter(),
          stall: stalled,
        };
        transport.closed.then(
          () => (s.ended = true),
          () => (s.ended = true),
        );
        void (async () => {
          const reader = (control.readable as ReadableStream<Uint8Array>).getReader();
          let bytes = new Uint8Array();
          for (;;) {
            const { value, done } = await reader.read();
            if (done) return;
            const joined = new Uint8Array(bytes.length + value.length);
            joined.set(bytes);
            joined.set(value, bytes.length);
            bytes = joined;
            while (bytes.length >= 4) {
              const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
              if (bytes.length < 4 + size) break;
              s.said.push(JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size))) as FromServer);
              bytes = bytes.slice(4 + size);
            }
          }
        })().catch(() => {
          s.ended = true;
        });
        if (stalled) return s;
        void (async () => {
          const reader = (duplex.readable as ReadableStream<Uint8Array>).getReader();
          for (;;) {
            const { value, done } = await reader.read();
            if (done) return;
            if (value[0] === 0 && value[1] === 2) s.replies++;
          }
        })().catch(() => undefined);
        /** Reads one stream: a flow identifier, then frames, each after its length. */
        const readStream = async (stream: ReadableStream<Uint8Array>) => {
          const reader = stream.getReader();
          let bytes = new Uint8Array();
          const more = async () => {
            const { value, done } = await reader.read();
            if (done) return false;
            const joined = new Uint8Array(bytes.length + value.length);
            joined.set(bytes);
            joined.set(value, bytes.length);
            bytes = joined;
            return true;
          };
          const varint = async (): Promise<number | null> => {
            while (bytes.length < 1) if (!(await more())) return null;
            const size = 1 << ((bytes[0] as number) >> 6);
            while (bytes.length < size) if (!(await more())) return null;
            let v = (bytes[0] as number) & 63;
            for (let i = 1; i < size; i++) v = v * 256 + (bytes[i] as number);
            bytes = bytes.slice(size);
            return v;
          };
          const flow = await varint();
          if (flow === null) return;
          for (;;) {
            const length = await varint();
            if (length === null) return;
            while (bytes.length < length) if (!(await more())) return;
            bytes = bytes.slice(length);
            const now = performance.now();
            const f = s.frames[flow] ?? { count: 0, at: now, longestGapMs: 0 };
            s.frames[flow] = {
              count: f.count + 1,
              at: now,
              longestGapMs: Math.max(f.longestGapMs, now - f.at),
            };
          }
        };
        void (async () => {
          const reader = (
            transport.incomingUnidirectionalStreams as ReadableStream<ReadableStream<Uint8Array>>
          ).getReader();
          for (;;) {
            const { value, done } = await reader.read();
            if (done) return;
            void readStream(value).catch(() => undefined);
          }
        })().catch(() => undefined);
        return s;
      },
      config.webtransport_url,
      config.certificate_hashes.map((h) => h.value),
      options.stalled ?? false,
    );
    return new RawPeer(page, session as JSHandle<Session>);
  }

  /** Sends bytes on the control stream as they are. */
  async write(bytes: number[]): Promise<void> {
    await this.session.evaluate((s, b) => s.control.write(Uint8Array.from(b)).catch(() => undefined), bytes);
  }

  /** Sends a control message. */
  async send(message: Record<string, unknown>): Promise<void> {
    await this.write(framed(message));
  }

  async join(room: string, name: string): Promise<Extract<FromServer, { type: 'welcome' }>> {
    await this.send({ type: 'join', version: 1, room, name, receive: ['vp8', 'opus'] });
    const welcome = await this.hear('welcome');
    await this.#keepReporting(welcome.report_interval_ms);
    return welcome;
  }

  /** Who reports nothing is taken for lost, and is sent nothing. */
  async #keepReporting(everyMs: number): Promise<void> {
    await this.session.evaluate(
      (s, report, ms) => {
        const bytes = Uint8Array.from(report);
        const view = new DataView(bytes.buffer);
        let sequence = 1_000; // above those that a test sends
        setInterval(() => {
          view.setUint32(2, ++sequence);
          if (!s.ended) s.datagrams.write(bytes.slice()).catch(() => undefined);
        }, ms);
      },
      this.report(0),
      everyMs,
    );
  }

  async datagrams(all: number[][]): Promise<void> {
    await this.session.evaluate(async (s, list) => {
      for (const b of list) await s.datagrams.write(Uint8Array.from(b)).catch(() => undefined);
    }, all);
  }

  /** A valid report of nothing received. */
  report(sequence: number): number[] {
    return [0, 1, 0, 0, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  }

  /** Waits for a message of a type. */
  async hear<T extends FromServer['type']>(
    type: T,
    withinMs = LIMIT_MS,
  ): Promise<Extract<FromServer, { type: T }>> {
    const said = await until(
      `the server says ${type}`,
      () => this.session.evaluate((s) => s.said.filter((m) => !m.type.startsWith('path_'))),
      (all) => all.some((m) => m.type === type),
      withinMs,
    );
    return said.find((m) => m.type === type) as Extract<FromServer, { type: T }>;
  }

  replies(): Promise<number> {
    return this.session.evaluate((s) => s.replies);
  }

  ended(): Promise<boolean> {
    return this.session.evaluate((s) => s.ended);
  }

  frames(flow: number): Promise<{ count: number; at: number; longestGapMs: number }> {
    return this.session.evaluate((s, f) => s.frames[f] ?? { count: 0, at: 0, longestGapMs: 0 }, flow);
  }

  /** Begins to publish video that nobody could decode, as flow 1: `fps` frames a second of `bytes` bytes, the first of every 20 a key frame. */
  async publish(fps: number, bytes: number): Promise<number> {
    await this.send({
      type: 'publish',
      flow: 1,
      kind: 'video',
      source: 'camera',
      codec: 'vp8',
      ssrc: 7,
      width: 640,
      height: 360,
      fps,
      layers: 1,
    });
    const { track } = await this.hear('published');
    await this.session.evaluate(
      async (s, fps, bytes) => {
        let stream: WritableStreamDefaultWriter<Uint8Array> | null = null;
        let n = 0;
        const frame = async () => {
          const key = n % 20 === 0;
          if (key) {
            stream?.close().catch(() => undefined);
            stream = (await s.transport.createUnidirectionalStream()).getWriter();
            await stream.write(Uint8Array.of(1)); // the flow
          }
          const packet = new Uint8Array(4 + 20 + bytes);
          const v = new DataView(packet.buffer);
          v.setUint32(0, 0x80000000 + 20 + bytes); // the length, as a varint of 4 bytes
          v.setUint8(4, 0x90); // RTP version 2 with a header extension
          v.setUint8(5, 0x80 | 96); // marker, payload type
          v.setUint16(6, n & 0xffff);
          v.setUint32(8, (n * 90_000) / fps);
          v.setUint32(12, 7); // SSRC
          v.setUint16(16, 0xbede);
          v.setUint16(18, 1);
          v.setUint8(20, 0x12); // ID 1, 3 bytes: frame marking
          v.setUint8(21, key ? 0xe0 : 0xc0);
          v.setUint8(22, 0);
          v.setUint8(23, n & 0xff);
          n++;
          await stream?.write(packet);
        };
        let busy = false;
        setInterval(() => {
          if (busy || s.ended) return;
          busy = true;
          frame()
            .catch(() => undefined)
            .finally(() => {
              busy = false;
            });
        }, 1000 / fps);
      },
      fps,
      bytes,
    );
    return track;
  }
}

/** A message with its length in front. */
export function framed(message: Record<string, unknown>): number[] {
  const body = new TextEncoder().encode(JSON.stringify(message));
  return [
    body.length >>> 24,
    (body.length >>> 16) & 255,
    (body.length >>> 8) & 255,
    body.length & 255,
    ...body,
  ];
}
