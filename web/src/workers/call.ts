// One call, inside the worker: joins the connection, what is sent and what is received, and tells the page.

import { secretOf } from '../call/key.ts';
import type { LinkInfo } from '../call/types.ts';
import { now } from '../media/clock.ts';
import { receivable } from '../media/codecs.ts';
import { PICTURE, SCREEN } from '../media/constraints.ts';
import { Publisher } from '../media/publisher.ts';
import { QueueingDelay } from '../media/queueing.ts';
import { Remotes } from '../media/remotes.ts';
import { unbundle } from '../protocol/bundle.ts';
import {
  BUNDLE_FLOW,
  type FromServer,
  type PathEventData,
  REPORT_FLOW,
  UNKNOWN_QUEUEING,
  type Welcome,
} from '../protocol/messages.gen.ts';
import { parseReply, writeReport } from '../protocol/report.ts';
import type { Bytes } from '../protocol/varint.ts';
import { Connection } from '../transport/connection.ts';
import { Lab } from '../transport/lab.ts';
import { paceOf } from '../transport/pace.ts';
import { race } from '../transport/race.ts';
import type { Session } from '../transport/transport.ts';
import { openWebSocket } from '../transport/websocket-later.ts';
import { openWebTransport } from '../transport/webtransport.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { SecretChat } from './secret-chat.ts';

const STATS_MS = 333;
const LEVELS_MS = 100;

export class Call {
  readonly #post: (m: FromWorker) => void;
  readonly #remotes: Remotes;
  readonly #publisher: Publisher;
  readonly #lab: Lab;
  readonly #chat: SecretChat;
  #connection: Connection | null = null;
  #session: Session | null = null; // the newest
  #timers: ReturnType<typeof setInterval>[] = [];
  #reports: ReturnType<typeof setInterval> | null = null;
  readonly #queueing = new QueueingDelay(); // on the way down
  #sequence = 0;
  #rtt = 0;
  #self = '';
  #ended = false;

  constructor(join: Extract<ToWorker, { type: 'join' }>, post: (m: FromWorker) => void) {
    this.#post = post;
    const secret = join.key === '' ? null : secretOf(join.key);
    this.#chat = new SecretChat(secret);
    this.#remotes = new Remotes((m) => this.#connection?.send(m), secret);
    this.#publisher = new Publisher({
      codec: join.codec,
      maxPixels: { camera: PICTURE.width * PICTURE.height, screen: SCREEN.width * SCREEN.height },
      secret,
      send: (m) => this.#connection?.send(m),
      changed: (local) => post({ type: 'local', local }),
      notice: (text) => post({ type: 'notice', text }),
    });
    this.#publisher.microphone.setMuted(!join.mic);
    this.#lab = new Lab(join.room, (link, problem) => post({ type: 'link', link, problem }), join.via);
    void this.#start(join);
  }

  async #start(join: Extract<ToWorker, { type: 'join' }>): Promise<void> {
    const receive = await receivable();
    if (this.#ended) return;
    this.#connection = new Connection({
      open: race({
        webtransport:
          join.transport !== 'websocket' && typeof WebTransport !== 'undefined' ? openWebTransport : null,
        websocket: join.transport !== 'webtransport' ? openWebSocket : null,
      }),
      target: (afresh, signal) => this.#lab.target(afresh, signal),
      join: { room: join.room, name: join.name, receive, bundles: true },
      pace: paceOf(navigator),
      upgrades: join.transport === null && typeof WebTransport !== 'undefined',
      handlers: {
        phase: (phase, failure) => {
          this.#post({ type: 'phase', phase, failure });
          if (phase === 'left' || phase === 'failed') this.#end();
        },
        welcome: (welcome, session) => this.#welcome(welcome, session),
        message: (m) => this.#message(m),
        datagram: (b) => this.#datagram(b),
        stream: (s) => void this.#remotes.stream(s),
        probe: () => this.#session && this.#report(this.#session),
      },
    });
    this.#connection.start();
    this.#timers = [setInterval(() => this.#stats(), STATS_MS), setInterval(() => this.#levels(), LEVELS_MS)];
  }

  #welcome(welcome: Welcome, session: Session): void {
    this.#self = welcome.participant;
    this.#session = session;
    this.#queueing.restart();
    this.#remotes.sync(welcome.participants);
    this.#publisher.use(session);
    this.#publisher.audience(this.#remotes.participants.values(), true);
    this.#post({ type: 'transport', transport: session.transport });
    this.#lab.carried(session.transport);
    this.#post({ type: 'server', message: { type: 'welcome', ...welcome } });
    if (this.#reports) clearInterval(this.#reports);
    this.#reports = setInterval(() => this.#report(session), Math.max(20, welcome.report_interval_ms));
    this.#report(session);
  }

  #message(m: FromServer): void {
    switch (m.type) {
      case 'key_frame_requested':
        this.#publisher.keyFrameRequested(m.flow);
        return;
      case 'encodings_wanted':
        this.#publisher.wanted(m);
        return;
      case 'path_event':
        // The queues of the new path are not those of the old one.
        if ((m.event as PathEventData).type === 'path_switched') {
          this.#publisher.uplink.restart();
          this.#queueing.restart();
        }
        break;
      case 'measure':
        this.#connection?.send({ type: 'measurement', ...this.#remotes.measure(m) });
        return;
      case 'link_changed':
        this.#post({ type: 'link', link: m.link as LinkInfo });
        return;
      case 'refused':
        if (m.of === 'chat') break; // the page knows what was written
        if (m.of === 'subscribe') return; // the track ended meanwhile
        this.#post({ type: 'notice', text: m.message });
        return;
      case 'published':
        return;
      case 'goodbye': // the call goes on, on another session
        this.#post({ type: 'notice', text: m.message });
        return;
      case 'chat_message': {
        const { type, ...message } = m;
        this.#chat.read(message, (read) => this.#post({ type: 'server', message: { type, ...read } }));
        return;
      }
    }
    this.#remotes.apply(m);
    const joined =
      m.type === 'participant_joined' || (m.type === 'participant_changed' && m.presence === 'connected');
    if (joined || m.type === 'participant_left') {
      this.#publisher.audience(this.#remotes.participants.values(), joined);
    }
    if (m.type === 'track_published' && m.track.participant === this.#self) return;
    this.#post({ type: 'server', message: m });
  }

  #datagram(bytes: Bytes): void {
    if (bytes[0] === BUNDLE_FLOW) {
      unbundle(bytes, (b) => this.#datagram(b));
      return;
    }
    if (bytes[0] !== REPORT_FLOW) {
      this.#remotes.datagram(bytes);
      return;
    }
    const reply = parseReply(bytes);
    if (!reply) return;
    const rtt = ((clock() - reply.clock) >>> 0) / 1000;
    this.#rtt = this.#rtt === 0 ? rtt : this.#rtt + (rtt - this.#rtt) / 8;
    this.#connection?.measured(rtt);
    this.#queueing.add((reply.server * 1000) % 2 ** 32, clock(), now());
    this.#publisher.reply(reply, this.#rtt);
  }

  /** Never stops while there is a session: it is what lets the server notice that our address has changed. */
  #report(session: Session): void {
    session.datagram(
      writeReport({
        sequence: ++this.#sequence,
        clock: clock(),
        freezes: this.#remotes.totals.freezes,
        playout: this.#remotes.playoutMs,
        tracks: this.#remotes.report(),
        queueing: Number.isNaN(this.#queueing.value) ? UNKNOWN_QUEUEING : 10 * this.#queueing.value,
      }),
    );
  }

  #stats(): void {
    const stream = this.#publisher.camera.stuck();
    if (stream !== null) this.#post({ type: 'camera-stuck', stream });
    this.#post({ type: 'stats', remotes: this.#remotes.stats(), totals: this.#remotes.totals });
    this.#post({ type: 'local', local: { rttMs: this.#rtt, ...this.#publisher.stats() } });
  }

  #levels(): void {
    const { level, unheard } = this.#publisher;
    this.#post({ type: 'levels', remotes: this.#remotes.levels(), local: level, unheard });
  }

  /** Does what the page says. */
  command(m: ToWorker): void {
    switch (m.type) {
      case 'leave':
        if (this.#connection) this.#connection.leave();
        else this.#end();
        break;
      case 'camera':
        this.#publisher.camera.start(m.readable, m.stream);
        break;
      case 'frame':
        if (this.#ended) m.frame.close();
        else this.#publisher.camera.frame(m.frame);
        break;
      case 'camera-off':
        this.#publisher.camera.stop();
        break;
      case 'screen':
        this.#publisher.screen.start(m.readable);
        break;
      case 'screen-frame':
        if (this.#ended) m.frame.close();
        else this.#publisher.screen.frame(m.frame);
        break;
      case 'screen-sound':
        this.#publisher.screenSound.start(m.source);
        break;
      case 'screen-off':
        this.#publisher.screen.stop();
        this.#publisher.screenSound.stop();
        break;
      case 'microphone':
        this.#publisher.microphone.start(m.source);
        break;
      case 'microphone-off':
        this.#publisher.microphone.stop();
        break;
      case 'mute':
        this.#publisher.microphone.setMuted(!m.mic);
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
        this.#lab
          .switchTo(m.network, m.style)
          .catch((e: Error) => this.#post({ type: 'notice', text: e.message }));
        break;
      case 'chat':
        this.#chat.write(m, (chat) => this.#connection?.send({ ...chat, type: 'chat' }));
        break;
      case 'reaction':
      case 'hand':
      case 'recording':
        this.#connection?.send(m);
        break;
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const t of this.#timers) clearInterval(t);
    if (this.#reports) clearInterval(this.#reports);
    this.#publisher.close();
    this.#remotes.close();
    this.#lab.close();
  }
}

/** Clock of the reports, µs modulo 2^32. */
function clock(): number {
  return Math.round(now() * 1000) % 2 ** 32;
}
