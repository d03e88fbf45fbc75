// Where a session is to be opened: straight to the server, or through a lab link of the participant's own, whose network can be switched.

import { api, Refusal, type ServerConfig } from '../api.ts';
import type { LinkInfo, SwitchStyle } from '../call/types.ts';
import { CallError, UNREACHABLE } from './failure.ts';
import type { Target, TransportName, Via } from './transport.ts';

type Link = LinkInfo & { url: string };

export class Lab {
  readonly #room: string;
  readonly #changed: (link: LinkInfo | null, problem?: string) => void;
  readonly #via: Via | undefined;
  #config: ServerConfig | null = null;
  #link: Link | null = null;
  #events: EventSource | null = null;
  #carriedBy: TransportName = 'webtransport';

  /** `changed` is told of the link; `problem` says to people why there is none, where that is not as it should be. */
  constructor(room: string, changed: (link: LinkInfo | null, problem?: string) => void, via?: Via) {
    this.#room = room;
    this.#changed = changed;
    this.#via = via;
  }

  /**
   * The address to connect to. After a failure (`afresh`) everything is asked for again: the server may have started anew with another
   * certificate, and the link may be gone.
   */
  async target(afresh: boolean, signal: AbortSignal): Promise<Target> {
    try {
      if (afresh || !this.#config) this.#config = await api<ServerConfig>('/api/config', { signal });
      const hashes = this.#config.certificate_hashes.map((h) => h.value);
      const direct = {
        url: this.#config.webtransport_url,
        hashes,
        websocket: websocketURL(),
        emulated: false,
      };
      if (this.#via) return { ...direct, ...this.#via.targets[0] };
      if (!this.#config.lab) return direct;
      if (afresh && this.#link) await this.#checkLink(signal);
      if (!this.#link) await this.#createLink(signal);
      // Around an emulated network there is no way, or it would not be what the screen says. A companion's networks are real.
      return this.#link ? { ...direct, url: this.#link.url, emulated: this.#link.emulated } : direct;
    } catch {
      throw new CallError(UNREACHABLE);
    }
  }

  async #createLink(signal: AbortSignal): Promise<void> {
    try {
      this.#link = await api<Link>('/api/links', { method: 'POST', body: { room: this.#room }, signal });
      this.#changed(this.#link.emulated && this.#carriedBy === 'websocket' ? null : this.#link);
      if (!this.#link.emulated) this.#follow(this.#link);
    } catch (error) {
      if (signal.aborted) throw new CallError(UNREACHABLE);
      this.#changed(null, problemOf(error)); // direct, then; a call without the lab is still a call
    }
  }

  /** Emulated networks carry QUIC only, and are not shown to who could not be heard over them. */
  carried(by: TransportName): void {
    if (by === this.#carriedBy) return;
    this.#carriedBy = by;
    if (this.#link?.emulated) this.#changed(by === 'webtransport' ? this.#link : null); // its server tells more at once
  }

  /** A companion's link changes on this machine: the server does not know of it and cannot tell. */
  #follow(link: Link): void {
    this.close();
    this.#events = new EventSource(`/api/links/${encodeURIComponent(link.id)}/events`);
    this.#events.addEventListener('link_changed', (e) => {
      this.#changed(JSON.parse((e as MessageEvent<string>).data) as LinkInfo);
    });
  }

  async #checkLink(signal: AbortSignal): Promise<void> {
    try {
      await api<Link>(`/api/links/${encodeURIComponent(this.#link?.id ?? '')}`, { signal });
    } catch (error) {
      if (signal.aborted) throw error;
      this.#link = null;
    }
  }

  close(): void {
    this.#events?.close();
    this.#events = null;
  }

  /** Changes the network of the link. Rejects with an Error whose message is for people. */
  async switchTo(network: string, style: SwitchStyle): Promise<void> {
    if (!this.#link) throw new Error('This call has no lab link, so there is no network to switch.');
    await api(`/api/links/${encodeURIComponent(this.#link.id)}`, {
      method: 'PATCH',
      body: { network, style },
    });
  }
}

/** Why the server made no link, for people; '' if it was not asked. */
function problemOf(error: unknown): string {
  if (!(error instanceof Refusal)) return '';
  return `No emulated network: ${error.status === 503 ? 'the lab is full.' : error.message}`;
}

/** /ws on the host that the page, and so this worker's script, came from. */
function websocketURL(): string {
  const url = new URL('/ws', location.href);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  return url.href;
}
