// Everybody else in the call: which tracks there are, a receiver for each, and what is measured of them.

import type { RemoteStats } from '../call/types.ts';
import { FrameReader } from '../protocol/framing.ts';
import type {
  FromParticipant,
  FromServer,
  Measure,
  Measurement,
  Participant,
  Track,
} from '../protocol/messages.gen.ts';
import type { TrackReport } from '../protocol/report.ts';
import { markingOf, parseRTP } from '../protocol/rtp.ts';
import { videoToAudioAxis } from '../protocol/unwrap.ts';
import { type Bytes, readVarint } from '../protocol/varint.ts';
import type { InStream } from '../transport/transport.ts';
import type { FromPlayout, Picture, ToPlayout } from '../workers/messages.ts';
import { AudioReceiver } from './audio-receiver.ts';
import { CardClock, now } from './clock.ts';
import { addStats, pictureOf, type Receiving, reportsOf, screenStats } from './receiving.ts';
import { Opener } from './sealing.ts';
import { emptyStats, loudness } from './stats.ts';
import { VideoReceiver } from './video-receiver.ts';
import { Wishes } from './wishes.ts';

const UNKNOWN_MS = 2_000; // media may overtake the message that announces its track
const UNPLAYED = 400; // chunks of sound that may wait for a worklet which does not answer, e.g. without a sound card
const ALL_LAYERS = 7; // highest temporal layer of a wish
const MAX_OPENING = 4; // frames of a track in decryption; beyond it its streams are not read on

export class Remotes {
  readonly card = new CardClock();
  readonly participants = new Map<string, Participant>();
  #tracks = new Map<number, Receiving>();
  #flows = new Map<number, Receiving>(); // by flow identifier: that of the track or of a further encoding
  #waiting = new Map<number, (() => void)[]>(); // for a flow to be announced
  #canvases = new Map<string, OffscreenCanvas>();
  #heights = new Map<string, number>(); // of the pictures as they are shown, by the key of the canvas
  readonly #wishes = new Wishes();
  #wish: ReturnType<typeof setTimeout> | null = null;
  #speakers: ReadonlySet<number> | null = null; // tracks of microphones that are sent on; null: all
  #playout: MessagePort | null = null;
  #unplayed = 0;
  #gone = { freezes: 0, frozenMs: 0 }; // of tracks that ended
  #reportedAt = now();
  #reported = new Map<number, number>(); // packets received, by flow, as reported last
  #statsAt = now();
  #bytes = new Map<string, number>();
  #levels = new Map<string, number>();
  readonly #send: (m: FromParticipant) => void;
  readonly #secret: Bytes | null;

  /** `send` tells the server, if there is a session; `secret` decrypts what is encrypted, null if there is none. */
  constructor(send: (m: FromParticipant) => void, secret: Bytes | null) {
    this.#send = send;
    this.#secret = secret;
  }

  /** Everybody as the server knows them, after a welcome. */
  sync(participants: Participant[]): void {
    const tracks = new Set(participants.flatMap((p) => p.tracks.map((t) => t.id)));
    for (const id of [...this.#tracks.keys()]) if (!tracks.has(id)) this.#remove(id);
    this.participants.clear();
    this.#speakers = null; // until the session says otherwise
    for (const p of participants) this.#join(p);
    for (const { video } of this.#tracks.values()) video?.resumed();
    this.#wishes.again();
    this.#tellWishes();
  }

  /** Follows what the server tells about participants and tracks. */
  apply(m: FromServer): void {
    switch (m.type) {
      case 'participant_joined':
        this.#join(m.participant);
        break;
      case 'participant_left': {
        const left = this.participants.get(m.id);
        this.participants.delete(m.id);
        for (const source of ['camera', 'screen'] as const) {
          this.#canvases.delete(canvasKey(m.id, source));
          this.#heights.delete(canvasKey(m.id, source));
        }
        for (const t of [...this.#tracks.values()])
          if (t.track.participant === m.id) this.#remove(t.track.id);
        for (const t of left?.tracks ?? []) this.#remove(t.id);
        break;
      }
      case 'track_published':
        this.#publish(m.track);
        break;
      case 'track_muted':
        this.#mute(m.track, m.muted);
        break;
      case 'track_ended':
        this.#remove(m.track);
        break;
      case 'speakers':
        this.#speakers = new Set(m.tracks);
        for (const { track, audio } of this.#tracks.values()) if (audio) this.#mute(track.id, track.muted);
        break;
    }
  }

  #join(p: Participant): void {
    this.participants.set(p.id, p);
    for (const t of p.tracks) this.#publish(t);
  }

  #publish(track: Track): void {
    if (!this.participants.has(track.participant)) return; // our own
    let t = this.#tracks.get(track.id);
    if (!t) {
      t = { track, video: null, audio: null, opener: null };
      if (track.kind === 'audio') t.audio = this.#newAudio(track.id);
      else t.video = this.#newVideo(track);
      this.#tracks.set(track.id, t);
    }
    t.track = track;
    if (t.audio) {
      t.opener = track.encrypted ? (t.opener ?? new Opener(this.#secret)) : null;
      t.audio.setOpener(t.opener);
    }
    const flows = [track.id, ...(track.encodings ?? []).map((e) => e.id)];
    t.video?.setEncodings(flows, track.encrypted ? () => new Opener(this.#secret) : null);
    t.video?.setCodec(track.codec);
    this.#route(t, flows);
    this.#mute(track.id, track.muted);
    const height = t.video && this.#heights.get(canvasOf(track));
    if (typeof height === 'number') this.#show(track.id, height);
  }

  /** What comes with these flow identifiers, and no other, belongs to the track. */
  #route(t: Receiving, flows: number[]): void {
    for (const [flow, other] of this.#flows) {
      if (other !== t || flows.includes(flow)) continue;
      this.#flows.delete(flow);
      this.#reported.delete(flow);
    }
    for (const flow of flows) {
      this.#flows.set(flow, t);
      for (const go of this.#waiting.get(flow) ?? []) go();
      this.#waiting.delete(flow);
    }
  }

  #newAudio(id: number): AudioReceiver {
    return new AudioReceiver((start, pcm) => {
      if (!this.#playout || this.#unplayed > UNPLAYED) return;
      this.#unplayed++;
      this.#toPlayout({ type: 'pcm', track: id, start, pcm }, [pcm.buffer]);
    });
  }

  #newVideo(track: Track): VideoReceiver {
    const video = new VideoReceiver(track.codec, {
      steady: pictureOf(track) === 'camera',
      requestKey: () => this.#send({ type: 'key_frame', track: track.id }),
      heardAt: (media) => this.#heardAt(track, media),
    });
    video.setCanvas(this.#canvases.get(canvasOf(track)) ?? null);
    return video;
  }

  #mute(id: number, muted: boolean): void {
    const t = this.#tracks.get(id);
    if (!t) return;
    t.track = { ...t.track, muted };
    t.video?.setMuted(muted);
    if (!t.audio) return;
    const sent = t.track.source !== 'microphone' || (this.#speakers?.has(id) ?? true);
    t.audio.setSent(sent);
    this.#toPlayout({ type: 'muted', track: id, muted: muted || !sent });
  }

  #remove(id: number): void {
    const t = this.#tracks.get(id);
    if (!t) return;
    this.#tracks.delete(id);
    this.#route(t, []);
    this.#wishes.forget(id);
    this.#bytes.delete(`${id}`);
    t.audio?.close();
    if (t.audio) this.#toPlayout({ type: 'remove', track: id });
    if (!t.video) return;
    this.#gone.freezes += t.video.meter.freezes;
    this.#gone.frozenMs += t.video.meter.frozenMs;
    t.video.close();
  }

  // Media

  /** Reads a stream of video to its end. */
  async stream(stream: InStream): Promise<void> {
    const frames = new FrameReader();
    let t: Receiving | undefined;
    let flow = 0;
    let base = false;
    let group: number | null = null;
    try {
      for (;;) {
        const chunk = await stream.read();
        if (chunk === null) {
          if (group !== null) t?.video?.ended(flow, group);
          return;
        }
        const packets = frames.push(chunk);
        if (frames.flow === null) continue;
        if (!t) {
          flow = frames.flow;
          t = await this.#known(flow);
          if (!t?.video) return stream.cancel();
        }
        for (const packet of packets) {
          if (!base) base = baseLayer(packet);
          group = t.video?.packet(flow, packet) ?? group;
          if (t.video && t.video.opening.waiting >= MAX_OPENING) await t.video.opening.settled;
        }
      }
    } catch {
      t?.video?.cut(flow, base);
      stream.cancel();
    }
  }

  /** The track of a flow, once it is announced; undefined if it is not in time. */
  async #known(id: number): Promise<Receiving | undefined> {
    if (!this.#flows.has(id)) {
      await new Promise<void>((resolve) => {
        const waiting = this.#waiting.get(id) ?? [];
        waiting.push(resolve);
        this.#waiting.set(id, waiting);
        setTimeout(resolve, UNKNOWN_MS);
      });
    }
    return this.#flows.get(id);
  }

  /** Takes a datagram that is not a reply. */
  datagram(bytes: Bytes): void {
    const flow = readVarint(bytes, 0);
    const audio = flow && this.#tracks.get(flow.value)?.audio;
    const packet = audio && parseRTP(bytes.subarray(flow.next));
    if (packet) audio.packet(packet, now());
  }

  // Screen and sound card

  setCanvas(participant: string, source: Picture, canvas: OffscreenCanvas | null): void {
    const key = canvasKey(participant, source);
    if (canvas) this.#canvases.set(key, canvas);
    else this.#canvases.delete(key);
    for (const { track, video } of this.#tracks.values()) {
      if (canvasOf(track) === key) video?.setCanvas(canvas);
    }
  }

  /** How tall a picture is shown, in pixels of the screen; 0 if it is not. */
  setHeight(participant: string, source: Picture, height: number): void {
    if (!this.participants.has(participant)) return;
    const key = canvasKey(participant, source);
    this.#heights.set(key, height);
    for (const { track, video } of this.#tracks.values()) {
      if (video && canvasOf(track) === key) this.#show(track.id, height);
    }
  }

  #show(track: number, height: number): void {
    this.#wishes.show(track, height, now());
    this.#tellWishes();
  }

  /** Tells the server what is of use, as soon as it is time. */
  #tellWishes(): void {
    for (const { track, height } of this.#wishes.due(now())) {
      this.#tracks.get(track)?.video?.setWanted(height > 0);
      if (height > 0) this.#send({ type: 'subscribe', track, max_layer: ALL_LAYERS, height });
      else this.#send({ type: 'unsubscribe', track });
    }
    if (this.#wish) clearTimeout(this.#wish);
    const { wakeAt } = this.#wishes;
    this.#wish =
      wakeAt < Number.POSITIVE_INFINITY
        ? setTimeout(() => this.#tellWishes(), Math.max(1, wakeAt - now()))
        : null;
  }

  setPlayout(port: MessagePort): void {
    this.#playout = port;
    port.onmessage = (e: MessageEvent<FromPlayout>) => {
      this.#unplayed = 0;
      for (const voice of e.data.voices) {
        this.#tracks.get(voice.track)?.audio?.played(voice, e.data.contextTime, now());
      }
    };
    for (const { track } of this.#tracks.values()) this.#mute(track.id, track.muted);
  }

  #toPlayout(m: ToPlayout, transfer: Transferable[] = []): void {
    this.#playout?.postMessage(m, transfer);
  }

  /** When the sound that belongs to a media time (ms) of a video is heard. */
  #heardAt(video: Track, media: number): number {
    const position = this.#audioOf(video.participant, pictureOf(video))?.position(now());
    if (!position) return Number.NaN;
    let ahead = media - position.media;
    if (Math.abs(ahead) > 1e6) ahead += 1000 * videoToAudioAxis(media / 1000, position.media / 1000);
    return this.card.heardAt(position.contextTime) + ahead;
  }

  /** The sound that belongs to one of somebody's pictures. */
  #audioOf(participant: string, picture: Picture): AudioReceiver | undefined {
    for (const { track, audio } of this.#tracks.values()) {
      if (audio && track.participant === participant && pictureOf(track) === picture) return audio;
    }
    return undefined;
  }

  // Measurements

  /** For the report: totals of every flow, and the gaps since the last report. Those that something has come of since then are the first. */
  report(): TrackReport[] {
    const at = now();
    const from = this.#reportedAt;
    this.#reportedAt = at;
    const all = [...this.#tracks.values()].flatMap((t) => reportsOf(t, from, at));
    const news = new Set(all.filter((r) => r.received !== (this.#reported.get(r.track) ?? 0)));
    for (const r of news) this.#reported.set(r.track, r.received);
    return [...news, ...all.filter((r) => !news.has(r))];
  }

  measure(m: Measure): Measurement {
    const at = now();
    const from = at - m.window_ms;
    const tracks = m.tracks.flatMap((id) => {
      const t = this.#tracks.get(id);
      if (!t || t.video?.wanted === false) return [];
      return {
        track: id,
        longest_gap_ms: t.video?.meter.longestGap(from, at) ?? 0,
        frame_ms: t.video?.meter.meanBefore(from) ?? 0,
        usual_gap_ms: t.video?.meter.longestGap(from - m.window_ms, from) ?? 0,
        frames_lost: Math.max(0, t.video?.lost.since(from) ?? 0),
        concealed_ms: t.audio?.concealed.since(from) ?? 0,
      };
    });
    return { id: m.id, tracks };
  }

  get totals(): { freezes: number; frozenMs: number } {
    const totals = { ...this.#gone };
    for (const { video } of this.#tracks.values()) {
      totals.freezes += video?.meter.freezes ?? 0;
      totals.frozenMs += video?.meter.frozenMs ?? 0;
    }
    return totals;
  }

  /** The largest playout delay of any voice, ms. */
  get playoutMs(): number {
    let ms = 0;
    for (const { audio } of this.#tracks.values()) ms = Math.max(ms, audio?.delayMs ?? 0);
    return ms;
  }

  stats(): Record<string, RemoteStats> {
    const at = now();
    const passed = (at - this.#statsAt) / 1000;
    this.#statsAt = at;
    const all: Record<string, RemoteStats> = {};
    for (const id of this.participants.keys()) {
      const stats = emptyStats();
      for (const t of this.#tracks.values()) {
        if (t.track.participant !== id) continue;
        if (pictureOf(t.track) === 'camera') addStats(stats, t, at);
        else if (t.video) stats.screen = screenStats(t.video);
        stats.undecrypted += t.video?.undecrypted ?? t.opener?.failed ?? 0;
        stats.wrongKey ||= t.video?.wrongKey ?? t.opener?.wrongKey ?? false;
        const bytes = (t.video ?? t.audio)?.bytes ?? 0;
        const key = `${t.track.id}`;
        stats.bitrate += passed > 0 ? (8 * (bytes - (this.#bytes.get(key) ?? bytes))) / passed : 0;
        this.#bytes.set(key, bytes);
      }
      all[id] = stats;
    }
    return all;
  }

  /** Loudness of every participant as heard, 0..1, smoothed: up at once, down slowly. */
  levels(): Record<string, number> {
    const all: Record<string, number> = {};
    for (const id of this.participants.keys()) {
      const level = loudness(this.#audioOf(id, 'camera')?.level ?? 0);
      all[id] = Math.max(level, (this.#levels.get(id) ?? 0) * 0.75);
      this.#levels.set(id, all[id]);
    }
    return all;
  }

  close(): void {
    if (this.#wish) clearTimeout(this.#wish);
    for (const id of [...this.#tracks.keys()]) this.#remove(id);
  }
}

function canvasKey(participant: string, source: Picture): string {
  return `${participant} ${source}`;
}

function canvasOf(track: Track): string {
  return canvasKey(track.participant, pictureOf(track));
}

function baseLayer(packet: Bytes): boolean {
  const rtp = parseRTP(packet);
  return rtp !== null && markingOf(rtp)?.tid === 0;
}
