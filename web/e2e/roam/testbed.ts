// Five network namespaces: somebody with Wi-Fi and a modem, a router for each of the two, the server, and somebody who watches.
//
//   client ─ wlan ─ [router 1: source filter, NAT] ─┐
//        └── wwan ─ [router 2: source filter, NAT] ─┴─ server ─ viewer
//
// A router forwards only what comes from its own network, as access networks do (BCP 38), so an address of one network is of no use on the
// other. It hides the client behind an address of its own, as home routers and mobile networks do. There is no added delay: the kernel's
// netem is not everywhere, and a round trip of a tenth of a millisecond shows what the programs themselves take.

import { run } from './shell.ts';

export type Side = 'wlan' | 'wwan';

interface Access {
  /** Network between client and router, without the last byte: .1 is the router, .2 the client. */
  inside: string;
  /** Network between router and server: .1 is the server, .10 and up the router. */
  outside: string;
}

const ACCESS: Record<Side, Access> = {
  wlan: { inside: '192.168.1', outside: '198.51.100' },
  wwan: { inside: '100.64.0', outside: '203.0.113' },
};
const SIDES: Side[] = ['wlan', 'wwan'];

/** The server's address, which both networks and the viewer lead to. */
export const SERVER_ADDRESS = '10.99.0.1';
export const SERVER_PORT = 4433;

/** How many times a router can be given another address before the first comes again. */
const ADDRESSES = 200;

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

export class Testbed {
  /** How often each router has moved. */
  #moves: Record<Side, number> = { wlan: 0, wwan: 0 };
  /** Each route that is added later is worse than all before, so that a network that comes back is not preferred over the one in use. */
  #metric = 100;

  /** Names the namespaces; `create` makes them. Others may use an existing test bed by its name. */
  constructor(readonly name: string) {}

  get client(): string {
    return `${this.name}-client`;
  }
  get server(): string {
    return `${this.name}-server`;
  }
  get viewer(): string {
    return `${this.name}-viewer`;
  }
  router(side: Side): string {
    return `${this.name}-${side}`;
  }
  get #all(): string[] {
    return [this.client, this.server, this.viewer, ...SIDES.map((s) => this.router(s))];
  }

  async create(): Promise<void> {
    for (const ns of this.#all) {
      await run('ip', ['netns', 'add', ns]);
      await this.#ip(ns, 'link set lo up');
    }
    await this.#ip(this.server, `addr add ${SERVER_ADDRESS}/32 dev lo`);
    await this.#pair([this.viewer, 'eth0', '192.0.2.2'], [this.server, 'viewer', '192.0.2.1']);
    await this.#ip(this.viewer, 'route add default via 192.0.2.1');
    for (const side of SIDES) {
      const { inside, outside } = ACCESS[side];
      const router = this.router(side);
      await this.#pair([this.client, side, `${inside}.2`], [router, 'lan', `${inside}.1`]);
      await this.#pair([router, 'wan', `${outside}.10`], [this.server, side, `${outside}.1`]);
      await this.#ip(router, `route add ${SERVER_ADDRESS}/32 via ${outside}.1`);
      const set = ['net.ipv4.ip_forward=1', 'net.ipv4.conf.all.promote_secondaries=1'];
      await run('ip', ['netns', 'exec', router, 'sysctl', '-q', '-w', ...set]);
      await this.#nft(router, this.#rules(side));
      await this.#ip(this.client, this.#route(side, 1 + SIDES.indexOf(side)));
    }
  }

  /** Over which network the server is reached from an address that it sees, "ADDRESS:PORT". */
  sideOf(remote: string): Side | undefined {
    return SIDES.find((s) => remote.startsWith(`${ACCESS[s].outside}.`));
  }

  /**
   * Ends what still runs in the namespaces and removes them; what is not there is no error. The kernel removes interfaces and rules with
   * their namespace.
   */
  async destroy(): Promise<void> {
    for (const ns of this.#all) {
      const pids = await run('ip', ['netns', 'pids', ns]).catch(() => '');
      for (const pid of pids.split('\n').map(Number)) if (pid > 1 && pid !== process.pid) end(pid);
    }
    await Promise.allSettled(this.#all.map((ns) => run('ip', ['netns', 'del', ns])));
  }

  /** The client's interface goes down. Its address stays, as it does until a DHCP client takes it away: the harder case for a socket bound to it. */
  async down(side: Side): Promise<void> {
    await this.#ip(this.client, `link set ${side} down`);
  }

  /** It comes up again, as the network of second choice. */
  async up(side: Side): Promise<void> {
    await this.#ip(this.client, `link set ${side} up`, this.#route(side, ++this.#metric));
  }

  /** The router forgets all its translations and gets another address and other ports, as when it starts anew. */
  async rebind(side: Side): Promise<void> {
    const { outside } = ACCESS[side];
    const router = this.router(side);
    const address = (n: number) => `${outside}.${10 + (n % ADDRESSES)}`;
    const old = address(this.#moves[side]);
    const next = address(++this.#moves[side]);
    // The kernel drops the translations of masquerading when the address that they use is removed, which needs no further tool.
    await this.#nft(router, `flush chain ip roam nat\n${this.#natRules(side)}`);
    await this.#ip(
      router,
      `addr add ${next}/24 dev wan`,
      `addr del ${old}/24 dev wan`,
      `route replace ${SERVER_ADDRESS}/32 via ${outside}.1`,
    );
  }

  /** All packets of a network are lost without a word, or pass again. */
  async fade(side: Side, lost: boolean): Promise<void> {
    await this.#nft(
      this.router(side),
      `flush chain ip roam fade${lost ? '\nadd rule ip roam fade drop' : ''}`,
    );
  }

  /** Blocks UDP on both networks, as some company networks do, or lets it pass again. */
  async blockUDP(blocked: boolean): Promise<void> {
    for (const side of SIDES) {
      const rule = '\nadd rule ip roam blocked meta l4proto udp reject';
      await this.#nft(this.router(side), `flush chain ip roam blocked${blocked ? rule : ''}`);
    }
  }

  #rules(side: Side): string {
    return `
      add table ip roam
      add chain ip roam fade
      add chain ip roam blocked
      add chain ip roam forward { type filter hook forward priority 0; }
      add rule ip roam forward iifname "lan" ip saddr != ${ACCESS[side].inside}.0/24 drop
      add rule ip roam forward iifname "wan" oifname "wan" drop
      add rule ip roam forward jump fade
      add rule ip roam forward jump blocked
      add chain ip roam nat { type nat hook postrouting priority 100; }
      ${this.#natRules(side)}`;
  }

  #natRules(side: Side): string {
    const first = 20_000 + 5_000 * (this.#moves[side] % 8);
    return `
      add rule ip roam nat oifname "wan" meta l4proto { tcp, udp } masquerade to :${first}-${first + 4_999}
      add rule ip roam nat oifname "wan" masquerade`;
  }

  async #pair(a: [ns: string, device: string, address: string], b: typeof a): Promise<void> {
    await run('ip', [
      'link',
      'add',
      'name',
      a[1],
      'netns',
      a[0],
      'type',
      'veth',
      'peer',
      'name',
      b[1],
      'netns',
      b[0],
    ]);
    for (const [ns, device, address] of [a, b])
      await this.#ip(ns, `addr add ${address}/24 dev ${device}`, `link set ${device} up`);
  }

  #route(side: Side, metric: number): string {
    return `route add default via ${ACCESS[side].inside}.1 dev ${side} metric ${metric}`;
  }

  /** Several commands of "ip" in one process, so that little time is between them. */
  async #ip(namespace: string, ...commands: string[]): Promise<void> {
    await run('ip', ['-n', namespace, '-batch', '-'], `${commands.join('\n')}\n`);
  }

  async #nft(namespace: string, rules: string): Promise<void> {
    await run('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], `${rules}\n`);
  }
}
