// A way to the server's own loopback that no change of network touches: a port on loopback here, a UNIX socket between the namespaces, and a
// second program in the server's namespace. Requests that come through it are from the server's machine, so they need no key.

import { rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Running } from './shell.ts';

/** Runs in the server's namespace. It ends with its parent, whose pipe it reads. */
const FAR_END = `
const net = require('node:net');
net.createServer((near) => {
  const far = net.connect(Number(process.argv[2]), '127.0.0.1');
  for (const [a, b] of [[near, far], [far, near]]) { a.pipe(b); a.on('error', () => b.destroy()); }
}).listen(process.argv[1], () => console.log('listening'));
`;

export class Tunnel {
  private constructor(
    readonly origin: string,
    readonly socket: string,
    readonly near: Server,
    readonly far: Running,
  ) {}

  /** Leads to a port on the loopback of a namespace. */
  static async open(namespace: string, port: number): Promise<Tunnel> {
    const socket = join(tmpdir(), `${namespace}.sock`);
    await rm(socket, { force: true });
    const far = new Running(namespace, process.execPath, ['-e', FAR_END, socket, String(port)]);
    await far.says(/listening/);
    const near = createServer((here) => {
      const there = connect(socket);
      here.pipe(there).pipe(here);
      here.on('error', () => there.destroy());
      there.on('error', () => here.destroy());
    });
    await new Promise<void>((resolve) => near.listen(0, '127.0.0.1', resolve));
    return new Tunnel(`http://127.0.0.1:${(near.address() as AddressInfo).port}`, socket, near, far);
  }

  async close(): Promise<void> {
    this.near.close();
    await this.far.stop('SIGKILL');
    await rm(this.socket, { force: true });
  }
}
