// Makes the recording that the replay page brings along: make sample. A real server records a real call, redacted: a browser and the test participant, changes
// of network of every style, a participant that migrates on purpose, and an outage after which the call is resumed. Marks name the moments.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { SwitchStyle } from '../src/call/types.ts';
import { EmulatedLink } from './bench/media/conditions.ts';
import build, { BINARY } from './harness/build.ts';
import type { Server } from './harness/server.ts';
import { Stage } from './harness/stage.ts';
import { pause } from './harness/wait.ts';

const SAMPLE = fileURLToPath(new URL('../../assets/sample/handover.jsonl.gz', import.meta.url));
const MOST = 300_000; // bytes, for it is part of the program
/** Longer than a browser keeps a connection that hears nothing: Chromium gives it up after some six seconds. */
const OUTAGE_MS = 7_000;

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

  const ada = await stage.person('chromium', server, 'Ada');
  /** Whatever becomes of the connection: who walks out of range may well have to resume. */
  const change = async (to: string, style: SwitchStyle) => {
    const after = server.events.newest;
    await ada.switchNetwork(to, style);
    await server.events.next(
      `the ${style} change to ${to}`,
      (e) => e.type === 'handover_report' && e.name === 'Ada' && e.network === to,
      { after, within: 40_000 },
    );
    await settled();
  };
  await ada.join('demo');
  await ada.seesMotion('Test participant');
  await mark('A browser in a call, over Wi-Fi');
  await settled();

  await mark('Hard: Wi-Fi is gone before cellular is there');
  await change('cellular', 'hard');

  await mark('Soft: back to Wi-Fi, both work for a moment');
  await change('wifi', 'soft');

  await mark('Walk: out of range of the Wi-Fi');
  await change('cellular', 'walk');

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

  await mark('Nothing passes for some seconds, as in a tunnel');
  const link = await EmulatedLink.of(server, 'Ada');
  const { loss } = await link.network();
  const after = server.events.newest;
  await link.change({ loss: 1 });
  await pause(OUTAGE_MS);
  await link.change({ loss });
  await server.events.next('the call is resumed', (e) => e.type === 'session_resumed', {
    after,
    within: 25_000,
  });
  await mark('Resumed: another connection, the same participant');
  await settled();
  await ada.leave();
  await pause(500);
}
