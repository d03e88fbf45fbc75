// The camera and microphone before the call: opens them, shows what goes wrong, measures the level, and hands the stream over when the
// person joins. Whoever has the stream stops it: the preview until take(), the call engine after.

import { signal } from '@preact/signals';
import { blurred } from '../media/blur.ts';
import { audioConstraints } from '../media/constraints.ts';
import { recall, recallFlag, remember, rememberFlag } from '../ui/storage.ts';
import type { DeviceKind, DeviceProblem } from './problems.ts';

export interface Device {
  id: string;
  label: string;
}

export interface Devices {
  microphones: Device[];
  cameras: Device[];
  speakers: Device[];
}

const UNNAMED = { audioinput: 'Microphone', videoinput: 'Camera', audiooutput: 'Speaker' };

/** The devices by name. Without permission browsers give neither names nor ids; such entries are left out. */
export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) =>
    all
      .filter((d) => d.kind === kind && d.deviceId !== '')
      .map((d, i) => ({
        id: d.deviceId,
        label: d.label || `${UNNAMED[kind]} ${i + 1}`,
      }));
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}

/** What is asked of a device. */
function constraints(kind: DeviceKind, id: string, exactly: boolean): MediaTrackConstraints {
  const device = id ? { deviceId: exactly ? { exact: id } : { ideal: id } } : {};
  return {
    ...device,
    ...(kind === 'camera'
      ? blurred(recallFlag('blur-background'))
      : audioConstraints(!recallFlag('keep-noise'))),
  };
}

interface Wish {
  kind: DeviceKind;
  id: string;
  /** It was just chosen; a remembered one may be gone, and then another will do. */
  exactly: boolean;
}

/** As a mere ideal a device gives way to one that the browser likes better: each is asked for exactly, and those that may be gone are not insisted on. */
async function ask(wishes: Wish[]): Promise<MediaStream> {
  const open = (exactly: (w: Wish) => boolean) => {
    const request: MediaStreamConstraints = {};
    for (const w of wishes)
      request[w.kind === 'camera' ? 'video' : 'audio'] = constraints(w.kind, w.id, exactly(w));
    return navigator.mediaDevices.getUserMedia(request);
  };
  try {
    return await open(() => true);
  } catch (error) {
    const gone = ['OverconstrainedError', 'NotFoundError'].includes((error as Error).name);
    if (!gone || wishes.every((w) => w.exactly || w.id === '')) throw error;
    return open((w) => w.exactly);
  }
}

async function granted(kind: DeviceKind): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: kind as PermissionName })).state === 'granted';
  } catch {
    return false; // the browser does not answer for this name
  }
}

/** Why devices cannot be used: the words are loaded when there is something to say. */
async function problemOf(
  error: Pick<Error, 'name' | 'message'>,
  kinds: DeviceKind[],
): Promise<DeviceProblem> {
  try {
    return (await import('./problems.ts')).deviceProblem(error, kinds);
  } catch {
    const title = `The ${kinds.join(' and ')} could not be opened.`;
    return { code: 'unknown', title, advice: `The browser says: ${error.message || error.name}.` };
  }
}

export interface Opened {
  tracks: MediaStreamTrack[];
  problems: Map<DeviceKind, DeviceProblem>;
}

/** Opens the wished devices: all with one question to the person, and if that fails whichever can be had. Never throws. */
export async function openDevices(wishes: Wish[]): Promise<Opened> {
  const opened: Opened = { tracks: [], problems: new Map() };
  if (wishes.length === 0) return opened;
  try {
    opened.tracks = (await ask(wishes)).getTracks();
    return opened;
  } catch (error) {
    const problem = await problemOf(
      error as Error,
      wishes.map((w) => w.kind),
    );
    for (const w of wishes) opened.problems.set(w.kind, problem);
    if (wishes.length < 2) return opened;
    const refused = problem.code === 'denied' || problem.code === 'denied-by-system';
    for (const wish of wishes) {
      // After a refusal asking again would only annoy, unless the person refused just the other device.
      if (refused && !(await granted(wish.kind))) continue;
      const alone = await openDevices([wish]);
      opened.tracks.push(...alone.tracks);
      const why = alone.problems.get(wish.kind);
      if (why) opened.problems.set(wish.kind, why);
      else opened.problems.delete(wish.kind);
    }
    const [only] = opened.problems.keys();
    if (opened.problems.size === 1 && only && refused) {
      opened.problems.set(only, await problemOf(error as Error, [only]));
    }
    return opened;
  }
}

/** The preview of the lobby. start() and stop() come in pairs with the lobby being shown. */
export class Preview {
  readonly stream = signal<MediaStream | null>(null);
  readonly level = signal(0);
  readonly opening = signal(false);
  readonly mic = signal(!recallFlag('mic-off')); // wanted
  readonly camera = signal(!recallFlag('camera-off'));
  readonly micProblem = signal<DeviceProblem | null>(null);
  readonly cameraProblem = signal<DeviceProblem | null>(null);
  readonly devices = signal<Devices>({ microphones: [], cameras: [], speakers: [] });
  readonly micId = signal(recall('mic') ?? '');
  readonly cameraId = signal(recall('camera') ?? '');

  #tracks = new Map<DeviceKind, MediaStreamTrack>();
  #generation = 0; // grows with stop() and take(); what a request of an older one brings is stopped at once
  #waiting = 0; // requests under way or in line
  #pending: Promise<void> = Promise.resolve();
  #context: AudioContext | null = null;
  #meter = 0;
  readonly #onDeviceChange = () => void this.#refreshDevices();

  /** Asks for the devices that are wanted. Opens nothing where the browser gives no devices, on an insecure address. */
  start(): void {
    if (!navigator.mediaDevices) return;
    navigator.mediaDevices.addEventListener('devicechange', this.#onDeviceChange);
    this.retry();
    void this.#watchPermissions();
  }

  stop(): void {
    this.#generation++;
    navigator.mediaDevices?.removeEventListener('devicechange', this.#onDeviceChange);
    for (const track of this.#tracks.values()) track.stop();
    this.#forgetTracks();
  }

  /** Asks again for everything that is wanted and not open. */
  retry(): void {
    const wishes: Wish[] = [];
    if (!this.#tracks.has('microphone'))
      wishes.push({ kind: 'microphone', id: this.micId.peek(), exactly: false });
    if (this.camera.peek() && !this.#tracks.has('camera')) {
      wishes.push({ kind: 'camera', id: this.cameraId.peek(), exactly: false });
    }
    this.#open(wishes);
  }

  setMic(on: boolean): void {
    this.mic.value = on;
    rememberFlag('mic-off', !on);
    const track = this.#tracks.get('microphone');
    if (track) track.enabled = on;
    else if (on) this.#open([{ kind: 'microphone', id: this.micId.peek(), exactly: false }]);
  }

  setCamera(on: boolean): void {
    this.camera.value = on;
    rememberFlag('camera-off', !on);
    if (on) {
      this.#open([{ kind: 'camera', id: this.cameraId.peek(), exactly: false }]);
      return;
    }
    this.cameraProblem.value = null;
    this.#tracks.get('camera')?.stop(); // so that the camera's light goes out
    this.#tracks.delete('camera');
    this.#publish();
  }

  choose(kind: DeviceKind, id: string): void {
    const camera = kind === 'camera';
    (camera ? this.cameraId : this.micId).value = id;
    remember(camera ? 'camera' : 'mic', id);
    if (camera && !this.camera.peek()) return;
    // Phones open one camera at a time: the old one goes first.
    this.#tracks.get(kind)?.stop();
    this.#tracks.delete(kind);
    this.#open([{ kind, id, exactly: true }]);
  }

  /** Resolves when nothing is being opened, or after the given time: Join does not wait for somebody who ponders a question. */
  async settled(ms: number): Promise<void> {
    await Promise.race([this.#pending, new Promise((r) => setTimeout(r, ms))]);
  }

  /** Hands over what is open. The preview forgets it without stopping it. */
  take(): MediaStream | null {
    const tracks = [...this.#tracks.values()];
    this.#generation++;
    for (const track of tracks) {
      track.onended = null;
      track.enabled = true; // whether it is muted is in JoinOptions; the engine mutes what it sends, not the track
    }
    this.#forgetTracks();
    return tracks.length > 0 ? new MediaStream(tracks) : null;
  }

  /** Requests run one after the other, each to its end: two at once would ask the person twice, and phones open one camera at a time. */
  #open(wishes: Wish[]): void {
    if (wishes.length === 0 || !navigator.mediaDevices) return;
    const generation = this.#generation;
    this.#waiting++;
    this.opening.value = true;
    for (const w of wishes) this.#problem(w.kind).value = null;
    this.#pending = this.#pending.then(async () => {
      if (generation === this.#generation) await this.#openNow(wishes, generation);
      this.#waiting--;
      if (generation === this.#generation) this.opening.value = this.#waiting > 0;
    });
  }

  async #openNow(wishes: Wish[], generation: number): Promise<void> {
    const { tracks, problems } = await openDevices(wishes);
    if (generation !== this.#generation) {
      for (const track of tracks) track.stop();
      return;
    }
    for (const [kind, problem] of problems) {
      if (kind === 'microphone' || this.camera.peek()) this.#problem(kind).value = problem;
    }
    for (const track of tracks) {
      if (track.kind === 'video' && !this.camera.peek())
        track.stop(); // switched off in the meantime
      else this.#adopt(track);
    }
    this.#publish();
    await this.#refreshDevices();
  }

  #adopt(track: MediaStreamTrack): void {
    const kind = track.kind === 'video' ? 'camera' : 'microphone';
    this.#tracks.get(kind)?.stop();
    this.#tracks.set(kind, track);
    const id = track.getSettings().deviceId ?? '';
    (kind === 'camera' ? this.cameraId : this.micId).value = id;
    if (kind === 'microphone') track.enabled = this.mic.peek();
    track.onended = () => {
      this.#tracks.delete(kind);
      this.#publish();
      void problemOf({ name: 'OverconstrainedError', message: '' }, [kind]).then((problem) => {
        if (!this.#tracks.has(kind)) this.#problem(kind).value = problem;
      });
    };
  }

  #problem(kind: DeviceKind) {
    return kind === 'camera' ? this.cameraProblem : this.micProblem;
  }

  #publish(): void {
    const tracks = [...this.#tracks.values()];
    this.stream.value = tracks.length > 0 ? new MediaStream(tracks) : null;
    this.#measure();
  }

  #forgetTracks(): void {
    this.#tracks.clear();
    this.opening.value = false;
    this.#publish();
  }

  /** Somebody who changes the permission in the browser's own menu need not press Try again. */
  async #watchPermissions(): Promise<void> {
    const generation = this.#generation;
    for (const kind of ['camera', 'microphone'] as const) {
      try {
        const status = await navigator.permissions.query({ name: kind as PermissionName });
        status.onchange = () => {
          if (generation !== this.#generation) status.onchange = null;
          else if (status.state === 'granted' && this.#problem(kind).peek()) this.retry();
        };
      } catch {
        // the browser does not tell: Try again is there
      }
    }
  }

  async #refreshDevices(): Promise<void> {
    this.devices.value = await listDevices();
  }

  /** Measures the microphone's level as long as there is one; a browser without audio output measures nothing, which is no error. */
  #measure(): void {
    clearInterval(this.#meter);
    void this.#context?.close().catch(() => undefined);
    this.#context = null;
    this.level.value = 0;
    const track = this.#tracks.get('microphone');
    if (!track) return;
    try {
      const context = new AudioContext();
      this.#context = context;
      const analyser = new AnalyserNode(context, { fftSize: 1024 });
      context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      this.#meter = window.setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        let sum = 0;
        for (const s of samples) sum += s * s;
        // -60 dBFS to -6 dBFS over the whole bar, falling slower than it rises.
        const db = 10 * Math.log10(sum / samples.length + 1e-12);
        const now = Math.min(1, Math.max(0, (db + 60) / 54));
        this.level.value = Math.max(now, this.level.peek() * 0.82);
      }, 60);
    } catch {
      this.#context = null;
    }
  }
}
