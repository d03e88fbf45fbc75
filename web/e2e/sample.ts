// Makes the recording that the replay page brings along: make sample. A real server records a real call, redacted: a browser and the test participant, changes
// of network of every style, a participant that migrates on purpose, and a network that drops UDP. Marks name the moments.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { PathEventData } from '../src/protocol/messages.gen.ts';
import { EmulatedLink } from './bench/media/conditions.ts';
import build, { BINARY } from './harness/build.ts';
import { connectionOf } from './harness/events.ts';
import { changeNetwork } from './harness/handover.ts';
import type { Server } from './harness/server.ts';
import { Stage } from './harness/stage.ts';
import { pause } from './harness/wait.ts';

const SAMPLE = fileURLToPath(new URL('../../assets/sample/handover.jsonl.gz', import.meta.url));
const MOST = 300_000; // bytes, for it is part of the program

export async function main(): Promise<void> {
  await build();
  const folder = await mkdtemp(join(tmpdir(), 'roamcall-sample-'));
  const file = join(folder, 'handover.jsonl');
  const stage = new Stage();
  try {
    const server = await stage.server('--record', file, '--record-redact');
    await play(stage, server);
    await stage.clear(); // the server ends, and writes the last line
    const packed = gzipSync(await readFile(file), { level: 9 });
    if (packed.length > MOST) throw new Error(`the sample has ${packed.length} bytes, more than ${MOST}`);
    await writeFile(SAMPLE, packed);
    console.log(`${SAMPLE}: ${packed.length} bytes`);
  } finally {
    await stage.close();
    await rm(folder, { recursive: true });
  }
}

async function play(stage: Stage, server: Server): Promise<void> {
  const mark = async (text: string) => {
    const response = await fetch(`${server.api}/api/marks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
    });
    if (!response.ok) throw new Error(`the mark was answered ${response.status}`);
    await pause(1_500); // time to read it
  };
  const settled = () => pause(2_500);
  const event = (what: string, type: PathEventData['type'], after: number) =>
    server.events.next(what, (e) => e.type === type, { after, within: 40_000 });

  const ada = await stage.person('chromium', server, 'Ada');
  await ada.join('demo');
  await ada.seesMotion('Test participant');
  const { id } = await connectionOf(server.api, 'Ada');
  await mark('A browser in a call, over Wi-Fi');
  await settled();

  await mark('Hard: Wi-Fi is gone before cellular is there');
  await changeNetwork(server, ada, id, 'cellular', 'hard');
  await settled();

  await mark('Soft: back to Wi-Fi, both work for a moment');
  await changeNetwork(server, ada, id, 'wifi', 'soft');
  await settled();

  await mark('Walk: out of range of the Wi-Fi');
  await changeNetwork(server, ada, id, 'cellular', 'walk');
  await settled();

  await mark('Another participant migrates on purpose');
  const native = spawn(
    BINARY,
    [
      ...['join', `${server.origin}/call/demo`, '--name', 'Grace'],
      ...['--migrate-every', '4s', '--duration', '11s'],
    ],
    { stdio: 'ignore' },
  );
  const [status] = (await once(native, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`roamcall join ended with ${status}`);
  await pause(1_000);

  await mark('The network drops all UDP');
  const link = await EmulatedLink.of(server, 'Ada');
  let after = server.events.newest;
  await link.change({ loss: 1 });
  await event('the call goes on over TCP', 'session_resumed', after);
  await mark('Resumed over TCP: another connection, the same participant');
  await settled();

  after = server.events.newest;
  await mark('UDP passes again');
  await link.change({ loss: 0 });
  await event('the call is back over QUIC', 'session_resumed', after);
  await mark('Resumed over QUIC');
  await settled();
  await ada.leave();
  await pause(500);
}
