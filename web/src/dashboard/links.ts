// The lab's links: which emulated networks a connection can be switched between.

import { type ReadonlySignal, signal } from '@preact/signals';
import { api } from '../api.ts';
import type { LinkInfo, SwitchStyle } from '../call/types.ts';
import type { ConnectionSnapshot } from '../protocol/messages.gen.ts';
import { hostile } from '../ui/networks.ts';

/** A link as the API lists it, with who runs over it where the server knows. */
export type Link = LinkInfo & { connection?: string; participant?: string };

export interface Links {
  readonly list: ReadonlySignal<readonly Link[]>;
  switch(link: string, network: string, style: SwitchStyle): Promise<void>;
  /** Asks again at once, after something changed. */
  refresh(): void;
  close(): void;
}

const idleMs = 2500;
const busyMs = 400; // while a link walks out of range its numbers move

export function openLinks(): Links {
  const list = signal<readonly Link[]>([]);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  let asking = false;
  let text = '';

  const ask = async () => {
    clearTimeout(timer);
    if (asking) return;
    asking = true;
    try {
      const links = (await api<Link[] | null>('/api/links')) ?? [];
      // A new array only for news: every card looks at it.
      const now = JSON.stringify(links);
      if (now !== text) list.value = links;
      text = now;
    } catch {
      // No lab, no key, or no server: whichever it is, the feed's mark says so.
    }
    asking = false;
    if (!closed) timer = setTimeout(ask, list.value.some((l) => l.switching) ? busyMs : idleMs);
  };
  void ask();

  return {
    list,
    async switch(link, network, style) {
      await api(`/api/links/${encodeURIComponent(link)}`, { method: 'PATCH', body: { network, style } });
      await ask();
    },
    refresh: () => void ask(),
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** The link that a connection runs over. */
export function linkOf(links: readonly Link[], connection: ConnectionSnapshot): Link | undefined {
  if (connection.state === 'closed') return undefined;
  if (connection.link) return links.find((l) => l.id === connection.link);
  return links.find((l) => l.connection === connection.id);
}

/** What people read for a network: its title in the lab, else its name. */
export function networkTitle(name: string | undefined, link: LinkInfo | undefined): string {
  if (!name) return '';
  const title = link?.networks.find((n) => n.name === name)?.title;
  if (title) return title;
  if (hostile(name)) return name.replace('a', 'A').replace('-', ' ');
  return { wifi: 'Wi-Fi', cellular: 'Cellular', ethernet: 'Ethernet' }[name] ?? name;
}

/** A lab network's properties on one line: "35 ms ± 8, 12 Mbit/s, 0.1 % loss, emulated". */
export function networkWords(n: LinkInfo['networks'][number]): string {
  if (!Number.isFinite(n.delay_ms)) return n.rtt_ms ? `RTT ${Math.round(n.rtt_ms)} ms` : (n.status ?? '');
  const parts = [`${n.delay_ms} ms each way${n.jitter_ms ? ` ± ${n.jitter_ms}` : ''}`];
  if (n.rate_bps) parts.push(`${n.rate_bps / 1e6} Mbit/s`);
  parts.push(`${+(n.loss * 100).toFixed(2)} % loss`);
  return parts.join(', ');
}
