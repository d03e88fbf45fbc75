// The call engine: what only the page can do (devices, sound card, canvases), the worker, and the state made of both.

import { type ReadonlySignal, signal } from '@preact/signals';
import { Camera } from '../media/camera.ts';
import type { Screen } from '../media/screen.ts';
import { Microphone, Sound, type SoundHandlers } from '../media/sound.ts';
import type { Emoji, Welcome } from '../protocol/messages.gen.ts';
import { UNSUPPORTED } from '../transport/failure.ts';
import type { TransportName } from '../transport/transport.ts';
import { recall, recallFlag, remember, rememberFlag } from '../ui/storage.ts';
import type { FromWorker, Picture, ToWorker } from '../workers/messages.ts';
import { ChatPace } from './chat-pace.ts';
import { PathNews } from './path-news.ts';
import { type Action, initialState, reduce } from './state.ts';
import type {
  CallEngine,
  CallState,
  JoinOptions,
  Local,
  PathListener,
  Recordable,
  SwitchStyle,
} from './types.ts';

const LEAVE_MS = 600; // for the worker to say goodbye
const QUIET_MS = 1_500; // a context that starts may take a moment

/** ?transport=websocket or ?transport=webtransport in the address that the page was loaded from allows only that one: to try it, and to measure it. */
const ONLY = onlyTransport();

/** `newWorker` makes what carries a call: a call worker, or something that obeys the same messages. */
export function createCallEngine(newWorker = callWorker): CallEngine {
  return new Engine(newWorker);
}

class Engine implements CallEngine {
  readonly #newWorker: () => Worker;
  readonly #state = signal<CallState>(initialState);
  readonly #preview = signal<MediaStream | null>(null);
  readonly #paths = new PathNews();
  readonly #canvases = new Map<string, HTMLCanvasElement>(); // on the page, by participant and source
  readonly #ticked = new Set<() => void>(); // who else wants ticks
  #prepared: Worker | null = null; // for the next call
  #worker: Worker | null = null;
  #sound: Sound | null = null;
  #microphone: Microphone | null = null;
  #camera: Camera | null = null;
  #screen: Screen | null = null;
  readonly #pace = new ChatPace(
    (line) => this.#post({ type: 'chat', ...line }),
    ({ nonce }) => this.#state.value.chat.writing.some((w) => w.nonce === nonce && w.problem === null),
  );
  #startedAt = 0;

  constructor(newWorker: () => Worker) {
    this.#newWorker = newWorker;
  }

  get state(): ReadonlySignal<CallState> {
    return this.#state;
  }

  get preview(): ReadonlySignal<MediaStream | null> {
    return this.#preview;
  }

  prepare(): void {
    if (this.#prepared || !supported()) return;
    const worker = this.#newWorker();
    this.#prepared = worker;
    worker.onerror = () => {
      if (this.#prepared !== worker) return;
      this.#prepared = null; // joining will tell what is wrong
      worker.terminate();
    };
  }

  join(options: JoinOptions): void {
    this.#close();
    const { room, name, key, mic, camera, codec, via } = options;
    this.#dispatch({ type: 'joining', room, key, local: { name, mic, camera, codec } });
    if (!supported()) {
      for (const t of options.stream?.getTracks() ?? []) t.stop();
      this.#dispatch({ type: 'phase', phase: 'failed', failure: UNSUPPORTED });
      return;
    }
    this.#startedAt = performance.now();
    const worker = this.#prepared ?? this.#newWorker();
    this.#prepared = null;
    this.#worker = worker;
    worker.onmessage = (e: MessageEvent<FromWorker>) => {
      if (this.#worker === worker) this.#receive(e.data);
    };
    worker.onerror = (e) => {
      if (this.#worker !== worker) return;
      console.error('call worker:', e.message);
      if (this.#state.value.phase !== 'connecting') return;
      this.#dispatch({ type: 'phase', phase: 'failed', failure: UNSUPPORTED });
    };
    this.#post({ type: 'join', room, name, codec, mic, key, via, transport: via?.transport ?? ONLY });
    this.#openDevices(options);
    navigator.mediaDevices?.addEventListener('devicechange', this.#devicesChanged);
    void this.#listDevices();
  }

  #openDevices(options: JoinOptions): void {
    const handlers: SoundHandlers = {
      post: (m, transfer) => this.#post(m, transfer),
      blocked: (blocked) => this.#blocked(blocked),
      lost: () => {
        this.#local({ mic: false, micId: '' });
        this.#notice('The microphone was disconnected.');
      },
    };
    this.#sound = new Sound(handlers);
    this.#microphone = new Microphone(this.#sound, handlers);
    this.#camera = new Camera({
      post: handlers.post,
      preview: (stream) => {
        this.#preview.value = stream;
      },
      lost: () => {
        this.#local({ camera: false, cameraId: '' });
        this.#notice('The camera was disconnected.');
      },
    });
    const noiseSuppression = !recallFlag('keep-noise');
    void this.#microphone.setNoiseSuppression(noiseSuppression); // none is open yet
    const backgroundBlur = recallFlag('blur-background');
    void this.#camera.setBlur(backgroundBlur);
    this.#local({ noiseSuppression, backgroundBlur });
    const speaker = recall('speaker');
    if (speaker)
      void this.#sound.setSpeaker(speaker).then(
        () => this.#local({ speakerId: speaker }),
        () => undefined,
      ); // it may be gone
    const audio = options.stream?.getAudioTracks()[0];
    const video = options.stream?.getVideoTracks()[0];
    if (options.camera) void this.#startCamera(video ?? '');
    else video?.stop();
    if (options.mic || audio) void this.#startMicrophone(audio ?? '');
  }

  leave(): void {
    this.#post({ type: 'leave' });
    if (this.#state.value.phase !== 'failed') this.#dispatch({ type: 'phase', phase: 'left', failure: null });
    this.#close();
  }

  /** Lets everything go. The worker gets a moment to say goodbye. */
  #close(): void {
    navigator.mediaDevices?.removeEventListener('devicechange', this.#devicesChanged);
    this.#pace.stop();
    const worker = this.#worker;
    this.#worker = null;
    if (worker) setTimeout(() => worker.terminate(), LEAVE_MS);
    this.#camera?.stop();
    this.#screen?.stop();
    this.#microphone?.close();
    this.#sound?.close();
    this.#camera = null;
    this.#screen = null;
    this.#microphone = null;
    this.#sound = null;
  }

  // Devices

  setMic(on: boolean): void {
    if (on && !this.#microphone?.open) {
      void this.#startMicrophone(this.#state.value.local.micId);
      return;
    }
    this.#local({ mic: on });
    this.#post({ type: 'mute', mic: on });
  }

  setCamera(on: boolean): void {
    if (on) void this.#startCamera(this.#state.value.local.cameraId);
    else {
      this.#camera?.stop();
      this.#local({ camera: false });
    }
  }

  setMicDevice(id: string): void {
    this.#local({ micId: id });
    if (this.#microphone?.open) void this.#startMicrophone(id, this.#state.value.local.mic);
  }

  setCameraDevice(id: string): void {
    this.#local({ cameraId: id });
    if (this.#camera?.on) void this.#startCamera(id);
  }

  setSpeaker(id: string): void {
    const sound = this.#sound;
    sound?.setSpeaker(id).then(
      () => {
        remember('speaker', id);
        this.#local({ speakerId: id });
      },
      () => this.#notice('The sound cannot be played on that device.'),
    );
  }

  setNoiseSuppression(on: boolean): void {
    rememberFlag('keep-noise', !on);
    const microphone = this.#microphone;
    microphone?.setNoiseSuppression(on).catch((error: Error) => {
      if (this.#microphone !== microphone) return;
      if (!microphone.open) this.#local({ mic: false });
      this.#notice(error.message);
    });
    this.#local({ noiseSuppression: on });
  }

  setBackgroundBlur(on: boolean): void {
    rememberFlag('blur-background', on);
    this.#local({ backgroundBlur: on });
    this.#camera?.setBlur(on).catch(() => this.#notice('The camera does not change its background blur.'));
  }

  share(on: boolean): void {
    if (!on) this.#screen?.stop();
    else this.#share().catch((error: Error) => this.#notice(error.message));
  }

  async #share(): Promise<void> {
    const worker = this.#worker;
    const { Screen } = await import('../media/screen.ts').catch(() => {
      throw new Error('The screen cannot be shared.');
    });
    if (!worker || this.#worker !== worker) return; // left meanwhile
    this.#screen ??= new Screen({
      post: (m, transfer) => this.#post(m, transfer),
      ended: () => this.#local({ sharing: false }),
    });
    const screen = this.#screen;
    const started = await screen.start();
    if (this.#screen !== screen) screen.stop();
    else if (started) this.#local({ sharing: true });
  }

  /** Sends an open track or the device with an id; '' is the default one. */
  async #startCamera(source: MediaStreamTrack | string): Promise<void> {
    const camera = this.#camera;
    if (!camera) return;
    try {
      if (typeof source === 'string') await camera.open(source);
      else camera.use(source);
      if (this.#camera !== camera)
        camera.stop(); // left meanwhile
      else if (camera.on) this.#local({ camera: true, cameraId: camera.id, blurOffered: camera.offersBlur });
    } catch (error) {
      if (this.#camera !== camera) return;
      this.#local({ camera: camera.on });
      this.#notice((error as Error).message);
    }
  }

  async #startMicrophone(source: MediaStreamTrack | string, on = this.#wantsMic(source)): Promise<void> {
    const microphone = this.#microphone;
    if (!microphone) return;
    try {
      if (typeof source === 'string') await microphone.start(source);
      else await microphone.use(source);
      if (this.#microphone !== microphone) {
        microphone.stop();
        return;
      }
      if (!microphone.open) return; // closed, or another was asked for
      this.#local({ mic: on, micId: microphone.id });
      this.#post({ type: 'mute', mic: on });
    } catch (error) {
      if (this.#microphone !== microphone) return;
      this.#local({ mic: false });
      this.#notice((error as Error).message);
    }
  }

  /** A track of the lobby keeps the lobby's choice; a device that is opened now is opened to speak. */
  #wantsMic(source: MediaStreamTrack | string): boolean {
    return typeof source === 'string' || this.#state.value.local.mic;
  }

  readonly #devicesChanged = () => void this.#listDevices();

  async #listDevices(): Promise<void> {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    this.#local({
      micAvailable: devices.some((d) => d.kind === 'audioinput'),
      cameraAvailable: devices.some((d) => d.kind === 'videoinput'),
    });
  }

  // Screens

  attach(participant: string, source: Picture, canvas: HTMLCanvasElement): void {
    this.#canvases.set(`${participant} ${source}`, canvas);
    try {
      const offscreen = canvas.transferControlToOffscreen();
      this.#post({ type: 'canvas', participant, source, canvas: offscreen }, [offscreen]);
    } catch {
      // it was handed over before; the worker still draws on it
    }
  }

  detach(participant: string, source: Picture): void {
    this.#canvases.delete(`${participant} ${source}`);
    this.#post({ type: 'detach', participant, source });
  }

  shown(participant: string, source: Picture, height: number): void {
    this.#post({ type: 'shown', participant, source, height });
  }

  unblockAudio(): void {
    this.#sound?.unblock();
  }

  switchNetwork(network: string, style: SwitchStyle): void {
    this.#post({ type: 'network', network, style });
  }

  onPath(listener: PathListener, before?: boolean): () => void {
    return this.#paths.listen(listener, before);
  }

  // What is said otherwise than aloud

  write(text: string, instead: string | null = null): void {
    const nonce = crypto.randomUUID();
    this.#dispatch({ type: 'wrote', nonce, text, instead });
    this.#pace.write({ nonce, text });
  }

  openChat(open: boolean): void {
    this.#dispatch({ type: 'chat-open', open });
  }

  react(emoji: Emoji): void {
    this.#post({ type: 'reaction', emoji });
  }

  raiseHand(raised: boolean): void {
    this.#local({ handRaised: raised });
    this.#post({ type: 'hand', raised });
  }

  tellRecording(on: boolean): void {
    this.#local({ recordingSince: on ? Date.now() : 0 });
    this.#post({ type: 'recording', on });
  }

  recordable(): Recordable | null {
    const sound = this.#sound;
    if (!sound) return null;
    return {
      context: sound.context,
      playout: () => sound.playout,
      microphone: () => this.#microphone?.track ?? null,
      screen: () => this.#screen?.stream ?? null,
      canvas: (participant, source) => this.#canvases.get(`${participant} ${source}`) ?? null,
      onTick: (f) => {
        this.#ticked.add(f);
        this.#post({ type: 'ticks', of: 'recorder', on: true });
        return () => {
          if (this.#ticked.delete(f) && this.#ticked.size === 0)
            this.#post({ type: 'ticks', of: 'recorder', on: false });
        };
      },
    };
  }

  /** Says again what the session before may have lost. The server does not take the same message twice. */
  #sayAgain(welcome: Welcome): void {
    const { chat, local } = this.#state.value;
    const lost = chat.writing.filter((w) => w.problem === null);
    this.#pace.again(lost.map(({ nonce, text }) => ({ nonce, text })));
    const raised = (welcome.hand ?? 0) > 0;
    if (local.handRaised !== raised) this.#post({ type: 'hand', raised: local.handRaised });
    const on = local.recordingSince > 0;
    if (on || welcome.resumed) this.#post({ type: 'recording', on });
  }

  // State

  #receive(m: FromWorker): void {
    if (m.type === 'tick') {
      this.#camera?.tick();
      this.#screen?.tick();
      for (const f of this.#ticked) f();
      return;
    }
    if (m.type === 'camera-stuck') {
      this.#camera?.stuck(m.stream);
      return;
    }
    if (m.type === 'server') {
      switch (m.message.type) {
        case 'path_snapshot':
        case 'path_event':
        case 'path_sample':
          this.#paths.tell(m.message);
          return;
      }
    }
    this.#dispatch(m);
    if (m.type === 'server' && m.message.type === 'welcome') this.#sayAgain(m.message);
    if (m.type === 'phase' && m.phase === 'failed') this.#close();
  }

  #blocked(blocked: boolean): void {
    if (blocked && performance.now() - this.#startedAt < QUIET_MS) return;
    if (blocked !== this.#state.value.audioBlocked) this.#dispatch({ type: 'audio-blocked', blocked });
  }

  #local(local: Partial<Local>): void {
    this.#dispatch({ type: 'local', local });
  }

  #notice(text: string): void {
    this.#dispatch({ type: 'notice', text });
  }

  #dispatch(action: Action): void {
    this.#state.value = reduce(this.#state.value, action, Date.now());
  }

  #post(m: ToWorker, transfer: Transferable[] = []): void {
    this.#worker?.postMessage(m, transfer);
  }
}

function onlyTransport(): TransportName | null {
  const only = new URLSearchParams(location.search).get('transport');
  return only === 'websocket' || only === 'webtransport' ? only : null;
}

function callWorker(): Worker {
  return new Worker(new URL('../workers/call.worker.ts', import.meta.url), { type: 'module' });
}

function supported(): boolean {
  return (
    typeof Worker !== 'undefined' &&
    typeof VideoDecoder !== 'undefined' &&
    typeof AudioContext !== 'undefined' &&
    typeof OffscreenCanvas !== 'undefined'
  );
}
