// One picture that this participant publishes: the camera, or a screen that is shared. It pumps frames into its sender and announces the track; the track
// outlives sessions, with the same flow and SSRC.

import type { Codec, FromParticipant, Publish } from '../protocol/messages.gen.ts';
import type { Session } from '../transport/transport.ts';
import { now } from './clock.ts';
import { randomSSRC } from './outgoing.ts';
import type { Size } from './picture-size.ts';
import type { Seal } from './sealing.ts';
import type { VideoFormat } from './video-encoding.ts';
import { VideoSender } from './video-sender.ts';

/** How often a picture that does not move is sent again: it gets sharper, and who joins sees it. */
const REPEAT_MS = 1_000;
/** Without a frame for so long a stream of them is stuck; the first may take longer. */
const STUCK_MS = 1_000;
const FIRST_MS = 3_000;
/** Who has not been asked for so long was not running. */
const ASLEEP_MS = 700;

export interface PublishedVideoOptions {
  flow: number;
  /** Of a further, small encoding; null: there is none. */
  smallFlow: number | null;
  source: 'camera' | 'screen';
  /** Frames per second at most. */
  fps: number;
  epoch: number;
  maxPixels: number;
  /** Makes what encrypts an encoding; null in a call that is not encrypted. */
  seal: (() => Seal) | null;
  /** The way up has no room for what nothing depends on. */
  congested(): boolean;
  /** Bits per second at which large frames go; Infinity: at once. */
  pace(): number;
  send(message: FromParticipant): void;
  changed(format: VideoFormat): void;
  notice(text: string): void;
}

export class PublishedVideo {
  readonly sender: VideoSender;
  readonly #options: PublishedVideoOptions;
  readonly #ssrc = randomSSRC();
  readonly #smallSSRC = randomSSRC();
  #format: VideoFormat | null = null;
  #small: Size | null = null;
  #on = false;
  #pump: ReadableStreamDefaultReader<VideoFrame> | null = null;
  #repeat: ReturnType<typeof setInterval> | null = null;
  #stream = 0; // where frames come from
  #cameAt = 0; // the latest frame of it
  #came = false;
  #askedAt = 0;

  constructor(options: PublishedVideoOptions) {
    this.#options = options;
    const { flow, smallFlow, epoch, maxPixels, fps, source, seal, congested, pace, send, changed, notice } =
      options;
    const outlet = (flow: number, ssrc: number) => ({ flow, ssrc, seal: seal?.() ?? null });
    this.sender = new VideoSender({
      main: outlet(flow, this.#ssrc),
      small: smallFlow === null ? null : outlet(smallFlow, this.#smallSSRC),
      epoch,
      maxPixels,
      fps,
      text: source === 'screen',
      congested,
      pace,
      handlers: {
        format: (format, small) => {
          this.#format = format;
          this.#small = small;
          if (this.#on || source === 'camera') send(this.#track(format)); // it may have been stopped meanwhile
          changed(format);
        },
        failed: notice,
      },
    });
  }

  /** A session is there: announces the track and sends on it from now on. */
  use(session: Session): void {
    const { source, flow } = this.#options;
    // That a screen is not shared any more may not have reached the server.
    if (source === 'screen' && !this.#on) session.send({ type: 'unpublish', flow });
    else if (this.#format) session.send(this.#track(this.#format));
    this.sender.use(session);
  }

  #track(format: VideoFormat): { type: 'publish' } & Publish {
    const { flow, smallFlow, source, fps, seal } = this.#options;
    const small = smallFlow !== null && this.#small;
    return {
      type: 'publish',
      flow,
      kind: 'video',
      source,
      fps,
      ssrc: this.#ssrc,
      encrypted: seal !== null,
      muted: !this.#on,
      ...format,
      ...(small && {
        encodings: [{ flow: smallFlow, ssrc: this.#smallSSRC, layers: format.layers, ...small }],
      }),
    };
  }

  setCodec(codec: Exclude<Codec, 'opus'>): void {
    this.sender.setCodec(codec);
  }

  /** Frames come from here from now on. */
  start(readable: ReadableStream<VideoFrame>, stream = 0): void {
    void this.#pump?.cancel().catch(() => undefined);
    const reader = readable.getReader();
    this.#pump = reader;
    this.#stream = stream;
    this.#cameAt = now();
    this.#came = false;
    void this.#read(reader);
  }

  /**
   * Returns the stream whose frames have stopped to come, once; to be called every few hundred ms. Chromium lets few of a camera's frames be in use. On a busy
   * machine it seems to take some for in use that nobody has any more, and gives no others, while its picture moves in a video element all the same.
   */
  stuck(): number | null {
    const at = now();
    if (at - this.#askedAt > ASLEEP_MS) this.#cameAt = at;
    this.#askedAt = at;
    if (!this.#pump || at - this.#cameAt < (this.#came ? STUCK_MS : FIRST_MS)) return null;
    void this.#pump.cancel().catch(() => undefined);
    this.#pump = null;
    return this.#stream;
  }

  async #read(reader: ReadableStreamDefaultReader<VideoFrame>): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        if (this.#pump === reader) this.frame(value);
        else value.close();
      }
    } catch {
      // the device went away; the page tells the person
    }
    if (this.#pump === reader) this.#pump = null;
  }

  /** A frame; takes it over. */
  frame(frame: VideoFrame): void {
    this.#cameAt = now();
    this.#came = true;
    const { flow, source, send } = this.#options;
    if (!this.#on) {
      this.#on = true;
      // A screen that is shared again is a new track: the format is announced with its first frame.
      if (source === 'screen') this.#repeat = setInterval(() => this.sender.repeat(REPEAT_MS), REPEAT_MS / 4);
      if (this.#format)
        send(source === 'screen' ? this.#track(this.#format) : { type: 'mute', flow, muted: false });
    }
    this.sender.push(frame);
  }

  /** No picture any more. A camera's track stays, for the others to show that it is off; a screen's ends. */
  stop(): void {
    void this.#pump?.cancel().catch(() => undefined);
    this.#pump = null;
    if (this.#repeat) clearInterval(this.#repeat);
    this.#repeat = null;
    if (!this.#on) return;
    this.#on = false;
    this.sender.pause();
    const { flow, source, send } = this.#options;
    send(source === 'screen' ? { type: 'unpublish', flow } : { type: 'mute', flow, muted: true });
  }

  close(): void {
    void this.#pump?.cancel().catch(() => undefined);
    this.#pump = null;
    if (this.#repeat) clearInterval(this.#repeat);
    this.sender.close();
  }
}
