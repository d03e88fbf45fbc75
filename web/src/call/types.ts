// What the call engine (call/engine.ts, the worker behind it) and the screens agree on. The engine owns the state; screens read it and call
// methods. State flows one way: worker message → reducer (call/state.ts) → signal → screen.

import type { ReadonlySignal } from '@preact/signals';
import type {
  Codec,
  ConnectionSample,
  ConnectionSnapshot,
  Emoji,
  PathEventData,
  Presence,
} from '../protocol/messages.gen.ts';
import type { TransportName, Via } from '../transport/transport.ts';
import type { Picture } from '../workers/messages.ts';
import type { ChatState } from './chat.ts';
import type { Floating } from './reactions.ts';

/** Where the call stands. `reconnecting` is true only while nothing arrives and the engine is trying. */
export type Phase = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'left' | 'failed';

/** A failure in words for people, with the protocol's code where there is one. */
export interface Failure {
  code: string; // e.g. 'room-full', 'permission-denied', 'unreachable', 'unsupported'
  message: string;
}

/** What a receiver measures of one remote participant; all of it measured here, nothing estimated. */
export interface RemoteStats {
  width: number;
  height: number;
  fps: number;
  framesRendered: number;
  /** When frames were rendered in the last second, ms since the epoch. */
  shownAt: number[];
  /** Longest interval between rendered frames in the last 10 s, ms. */
  longestGapMs: number;
  /** Freezes as webrtc-stats defines them: interval ≥ max(3δ, δ + 150 ms). */
  freezes: number;
  frozenMs: number;
  framesLost: number;
  concealedMs: number;
  /** Audio playout delay, ms. */
  playoutMs: number;
  /** Video shown minus audio heard, ms; positive: video late. NaN until both run. */
  lipSyncMs: number;
  bitrate: number; // bit/s, of everything
  /** Of the screen that is shared; zeros without one. */
  screen: { width: number; height: number; framesRendered: number };
  /** Frames and packets of sound that could not be decrypted, and were dropped. */
  undecrypted: number;
  /** Some of it is encrypted with another key than ours. */
  wrongKey: boolean;
}

export interface RemoteTrack {
  id: number;
  kind: 'audio' | 'video';
  source: 'camera' | 'microphone' | 'screen';
  codec: Codec;
  encrypted: boolean; // from end to end
  muted: boolean;
}

export interface Remote {
  id: string;
  name: string;
  presence: Presence;
  test: boolean;
  /** 0 while it is down; of two that are raised the lower number was first. */
  hand: number;
  /** It records the call. */
  recording: boolean;
  tracks: RemoteTrack[];
  /** 0..1, smoothed, of the sound as played. */
  level: number;
  speaking: boolean;
  stats: RemoteStats;
}

export interface Local {
  participant: string; // '' until welcomed
  name: string;
  mic: boolean; // on
  camera: boolean; // on
  micAvailable: boolean;
  cameraAvailable: boolean;
  micId: string;
  cameraId: string;
  level: number;
  speaking: boolean;
  /** Loudness of what the microphone picks up while it is muted, which nobody hears, 0..1. */
  unheard: number;
  /** Where the sound goes; '' is the system's choice. */
  speakerId: string;
  noiseSuppression: boolean;
  /** As the person wants it, ... */
  backgroundBlur: boolean;
  /** ... and whether the open camera does it. */
  blurOffered: boolean;
  /** A screen is shared. */
  sharing: boolean;
  codec: Codec; // of the video that is being sent
  width: number;
  height: number;
  fps: number; // encoded
  bitrate: number; // bit/s sent
  rttMs: number; // report to reply
  handRaised: boolean; // as the person wants it
  hand: number; // as the server has it, see Remote
  recordingSince: number; // ms since the epoch; 0 while this person does not record
}

export interface CallState {
  phase: Phase;
  room: string;
  /** As in the call's link, see key.ts; '': nothing that is sent is encrypted from end to end. */
  key: string;
  failure: Failure | null;
  /** Shown as a passing message, e.g. a device that went away. */
  notice: { text: string; at: number } | null;
  local: Local;
  remotes: Remote[]; // in order of joining
  chat: ChatState;
  reactions: Floating[]; // that are being shown, in order
  /** The browser refuses to play sound until the person presses something. */
  audioBlocked: boolean;
  /** Totals over all remotes since joining. */
  freezes: number;
  frozenMs: number;
  /** Address-free identity of the current connection: original destination connection ID, hex; over TCP a name that the server gave it. */
  connection: string;
  /** What carries the call. A WebSocket, over TCP, only where WebTransport does not work. */
  transport: TransportName;
  /** Connections replaced so far (resumptions). */
  resumptions: number;
  link: LinkInfo | null;
  /** The step of the guided lesson that the presenter has the class at; 0: nobody leads. */
  lesson: number;
  /** Why there is no link although the server has a lab, for people; ''. */
  linkProblem: string;
}

/** The lab link as /api/links reports it. */
export interface LinkInfo {
  id: string;
  active: string;
  networks: LinkNetwork[];
  switching: boolean;
  style: string;
  progress: number; // of a walk, 0..1
  emulated: boolean;
}

export interface LinkNetwork {
  name: string;
  title: string;
  delay_ms: number;
  jitter_ms: number;
  loss: number; // 0..1
  rate_bps: number;
  active: boolean;
  source: string;
  /** Of a companion's network, which is real: nothing of the above is known of it. */
  rtt_ms?: number;
  status?: 'up' | 'silent' | 'down';
  loss_now: number;
  rate_now: number;
}

export type SwitchStyle = 'hard' | 'soft' | 'walk';

export interface JoinOptions {
  room: string;
  name: string;
  /** Encrypts from end to end; '' for a call that is not. */
  key: string;
  /** Already opened by the lobby's preview; the engine takes ownership and stops them on leave. */
  stream: MediaStream | null;
  mic: boolean;
  camera: boolean;
  /** Preferred video codec; used when everybody in the call can decode it, else vp8. */
  codec: Codec;
  /** Instead of the usual way to the server. */
  via?: Via;
}

/** The participant's own connection, for the panel beside the call. */
export interface PathListener {
  snapshot(s: ConnectionSnapshot): void;
  event(e: PathEventData): void;
  sample(s: ConnectionSample): void;
}

/** What a recording is made of, as long as the call lasts. */
export interface Recordable {
  context: AudioContext;
  /** Everybody else's sound; null until it plays. */
  playout(): AudioNode | null;
  /** The open microphone, muted or not. */
  microphone(): MediaStreamTrack | null;
  /** The screen that this person shares. */
  screen(): MediaStream | null;
  /** The canvas on the page that shows a picture of somebody else. */
  canvas(participant: string, source: Picture): HTMLCanvasElement | null;
  /** Calls f about 15 times a second, also while the page is hidden, until the function that it returns is called. */
  onTick(f: () => void): () => void;
}

/** The one object that a screen needs. Methods never throw; failures arrive in the state. */
export interface CallEngine {
  readonly state: ReadonlySignal<CallState>;
  /** Loads what a call needs, so that joining is quick. */
  prepare(): void;
  join(options: JoinOptions): void;
  leave(): void;
  setMic(on: boolean): void;
  setCamera(on: boolean): void;
  /** Changes device mid-call. */
  setMicDevice(id: string): void;
  setCameraDevice(id: string): void;
  /** Plays on this device; '' is the system's choice. Only where canChooseSpeaker (media/sound.ts). */
  setSpeaker(id: string): void;
  setNoiseSuppression(on: boolean): void;
  setBackgroundBlur(on: boolean): void;
  /** Shares a screen, after the browser has asked which, or stops. To be called from a click. */
  share(on: boolean): void;
  /** Shows a remote participant's video on a canvas; the canvas is handed to the worker and cannot be reused for another. */
  attach(participant: string, source: Picture, canvas: HTMLCanvasElement): void;
  detach(participant: string, source: Picture): void;
  /** Says how tall a picture is shown, in pixels of the screen, so that no more is sent; 0: nobody can see it. */
  shown(participant: string, source: Picture, height: number): void;
  /** The local camera for the self view; null while it is off. */
  readonly preview: ReadonlySignal<MediaStream | null>;
  /** To be called from a click when audioBlocked. */
  unblockAudio(): void;
  switchNetwork(network: string, style: SwitchStyle): void;
  /** Sends a text to everybody, once there is a connection; it is clean (see chat.ts). `instead` of one that was refused under that nonce. */
  write(text: string, instead?: string | null): void;
  /** Says whether the chat is on the screen, and so what comes is read. */
  openChat(open: boolean): void;
  react(emoji: Emoji): void;
  raiseHand(raised: boolean): void;
  /** Tells everybody that this person records the call, or does no more. */
  tellRecording(on: boolean): void;
  /** What a recording is made of; null outside a call. */
  recordable(): Recordable | null;
  onPath(listener: PathListener, before?: boolean): () => void;
}
