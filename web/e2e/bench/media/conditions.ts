// A participant's lab link while the call runs: what it is like, what it has carried, and how to make it another network without a change of path.

import type { LinkState, NetworkState } from '../../../src/protocol/messages.gen.ts';
import { connectionOf } from '../../harness/events.ts';
import type { Server } from '../../harness/server.ts';

export interface Conditions {
  delay_ms?: number;
  jitter_ms?: number;
  loss?: number;
  rate_bps?: number;
  queue_ms?: number;
}

export class EmulatedLink {
  private constructor(
    private readonly server: Server,
    private readonly id: string,
  ) {}

  /** The link of somebody in a call. */
  static async of(server: Server, name: string): Promise<EmulatedLink> {
    const { link } = await connectionOf(server.api, name);
    if (!link) throw new Error(`${name} is connected without a link`);
    return new EmulatedLink(server, link);
  }

  /** The network that carries the call. */
  async network(): Promise<NetworkState> {
    const state = await this.server.get<LinkState>(`/api/links/${this.id}`);
    const active = state.networks.find((n) => n.name === state.active);
    if (!active) throw new Error(`the link has no network ${state.active}`);
    return active;
  }

  async change(conditions: Conditions): Promise<void> {
    const response = await fetch(`${this.server.api}/api/links/${this.id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ conditions }),
    });
    if (!response.ok)
      throw new Error(`conditions were answered ${response.status}: ${await response.text()}`);
  }
}
