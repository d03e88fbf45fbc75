// Two paths at once, by the application: the same call is joined twice, over two networks, so that the server sends every packet on both, and the first copy of
// each is taken. This is not Multipath QUIC (draft-ietf-quic-multipath), in which one connection has several paths; neither session knows of the other.
//
// What merges the copies is what puts any call's packets in order: a track's sequence numbers are its publisher's, whoever they are sent to, and a number that has
// come is not taken again (media/incoming-encoding.ts, media/audio-receiver.ts).

import { now } from '../../media/clock.ts';
import { receivable } from '../../media/codecs.ts';
import { Remotes } from '../../media/remotes.ts';
import {
  type FromParticipant,
  type FromServer,
  REPORT_FLOW,
  UNKNOWN_QUEUEING,
  type Welcome,
} from '../../protocol/messages.gen.ts';
import { parseReply, writeReport } from '../../protocol/report.ts';
import { type Bytes, readVarint } from '../../protocol/varint.ts';
import { toFailure, UNREACHABLE } from '../../transport/failure.ts';
import { Lab } from '../../transport/lab.ts';
import { openWebTransport } from '../../transport/webtransport.ts';
import type { FromWorker, ToWorker } from '../../workers/messages.ts';
import { Copy } from './copy.ts';
import { PathSession } from './path-session.ts';
import { AWAY } from './types.ts';

const STATS_MS = 333;
const LEVELS_MS = 100;
const REPORT_MS = 50;
const FAILURES = 3; // to join, before that is said

type JoinMessage = Extract<ToWorker, { type: 'join' }>;

export class Paths {
  readonly #post: (m: FromWorker) => void;
  readonly #remotes: Remotes;
  #paths: PathSession[] = [];
  #timers: ReturnType<typeof setInterval>[] = [];
  #sequence = 0;
  #failures = 0;
  #ended = false;

  constructor(join: JoinMessage, post: (m: FromWorker) => void) {
    this.#post = post;
    this.#remotes = new Remotes((m) => this.#send(m), null);
    void this.#start(join);
  }

  async #start({ room, via }: JoinMessage): Promise<void> {
    const receive = await receivable();
    if (this.#ended) return;
    this.#paths = (via?.targets ?? []).map((target, i) => {
      const lab = new Lab(room, () => undefined, { transport: 'webtransport', targets: [target] });
      const path: PathSession = new PathSession({
        open: openWebTransport,
        target: (signal) => lab.target(false, signal),
        join: { room, name: `Path ${i + 1}`, receive },
        handlers: {
          welcome: (welcome) => this.#welcome(path, welcome),
          message: (m) => this.#message(path, m),
          datagram: (bytes) => this.#datagram(path, bytes),
          stream: (s) => void this.#remotes.stream(new Copy(s, path.copies, () => this.#alone(path))),
          closed: () => this.#closed(),
          failed: (error) => this.#failed(error),
        },
      });
      path.start();
      return path;
    });
    this.#timers = [
      setInterval(() => this.#report(), REPORT_MS),
      setInterval(() => {
        this.#post({ type: 'stats', remotes: this.#remotes.stats(), totals: this.#remotes.totals });
      }, STATS_MS),
      setInterval(() => {
        this.#post({ type: 'levels', remotes: this.#remotes.levels(), local: 0, unheard: 0 });
      }, LEVELS_MS),
    ];
  }

  /** Says it on both paths: one of them may carry nothing. */
  #send(m: FromParticipant): void {
    for (const { session } of this.#paths) session?.send(m);
  }

  /** There is no session but this path's. */
  #alone(path: PathSession): boolean {
    return this.#paths.every((p) => p === path || !p.session);
  }

  #welcome(path: PathSession, welcome: Welcome): void {
    this.#failures = 0;
    if (this.#alone(path)) this.#remotes.sync(welcome.participants);
    else
      for (const participant of welcome.participants)
        this.#remotes.apply({ type: 'participant_joined', participant });
    this.#post({ type: 'server', message: { type: 'welcome', ...welcome } });
    this.#post({ type: 'phase', phase: 'connected', failure: null });
  }

  #message(path: PathSession, m: FromServer): void {
    if (m.type === 'measure') {
      path.session?.send({ type: 'measurement', ...this.#remotes.measure(m) });
      return;
    }
    this.#remotes.apply(m);
    if (m.type === 'refused') return; // a track ended meanwhile
    this.#post({ type: 'server', message: m });
  }

  #datagram(path: PathSession, bytes: Bytes): void {
    if (bytes[0] !== REPORT_FLOW) {
      const flow = readVarint(bytes, 0);
      if (flow) path.copies.add(flow.value, bytes.subarray(flow.next));
      this.#remotes.datagram(bytes);
      return;
    }
    const reply = parseReply(bytes);
    if (reply) path.queueing.add((reply.server * 1000) % 2 ** 32, clock(), now());
  }

  #closed(): void {
    if (this.#ended || this.#paths.some((p) => p.session)) return;
    this.#post({ type: 'phase', phase: 'reconnecting', failure: null });
  }

  #failed(error: unknown): void {
    if (this.#paths.some((p) => p.session) || ++this.#failures < FAILURES * this.#paths.length) return;
    this.#post({ type: 'phase', phase: 'failed', failure: toFailure(error, UNREACHABLE) });
    this.#end();
  }

  /** Each path reports what it carried, and both what was shown. It keeps a session alive and lets the server notice that a path is back. */
  #report(): void {
    const tracks = this.#remotes.report();
    this.#sequence++;
    for (const { session, copies, queueing } of this.#paths) {
      session?.datagram(
        writeReport({
          sequence: this.#sequence,
          clock: clock(),
          freezes: this.#remotes.totals.freezes,
          playout: this.#remotes.playoutMs,
          tracks: copies.reports(tracks),
          queueing: Number.isNaN(queueing.value) ? UNKNOWN_QUEUEING : 10 * queueing.value,
        }),
      );
    }
  }

  /** Does what the page says, as far as it is about receiving. `network` says whether the first path is away from its network. */
  command(m: ToWorker): void {
    switch (m.type) {
      case 'leave':
        this.#end();
        break;
      case 'canvas':
        this.#remotes.setCanvas(m.participant, m.source, m.canvas);
        break;
      case 'detach':
        this.#remotes.setCanvas(m.participant, m.source, null);
        break;
      case 'shown':
        this.#remotes.setHeight(m.participant, m.source, m.height);
        break;
      case 'playout':
        this.#remotes.setPlayout(m.port);
        break;
      case 'clock':
        this.#remotes.card.set(m.contextTime, m.at);
        break;
      case 'network':
        this.#paths[0]?.setAway(m.network === AWAY);
        break;
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const t of this.#timers) clearInterval(t);
    for (const path of this.#paths) path.close();
    this.#remotes.close();
  }
}

/** Clock of the reports, µs modulo 2^32. */
function clock(): number {
  return Math.round(now() * 1000) % 2 ** 32;
}
