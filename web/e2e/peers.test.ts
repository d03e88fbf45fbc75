// Peers that are not our page, or mean no good: what they do is theirs to suffer.

import { describe, expect, it } from 'vitest';
import { Codes } from '../src/protocol/messages.gen.ts';
import { cannot, KINDS, type Kind } from './harness/browsers.ts';
import { RawPeer } from './harness/raw.ts';
import type { Server } from './harness/server.ts';
import { useStage } from './harness/use-stage.ts';
import { pause, until } from './harness/wait.ts';

const stage = useStage();

async function peer(kind: Kind, server: Server, name: string, stalled = false): Promise<RawPeer> {
  const person = await stage.person(kind, server, name);
  await person.open('/healthz'); // a page of the server's origin without our scripts
  return RawPeer.open(person.page, server, { stalled });
}

describe.each(KINDS)('a raw peer in %s', (kind) => {
  const why = cannot(kind);

  it.skipIf(why)('may send garbage datagrams: they are ignored', async () => {
    const server = await stage.server('--bot', '0');
    const raw = await peer(kind, server, 'Garbage');
    await raw.join('peers', 'Garbage');
    const garbage = [
      [0],
      [0, 1],
      [0, 1, 255, 255],
      [0, 9, 1, 2, 3],
      [255],
      [64, 0, 1],
      Array.from({ length: 900 }, (_, i) => (i * 31) & 255),
    ];
    // A report that promises 255 entries and has none, and audio of a flow that was never published.
    garbage.push([...raw.report(0).slice(0, -1), 255], [1, 0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3]);
    await raw.datagrams(garbage);
    const before = await raw.replies();
    await until(
      'a good report after them is answered',
      async () => {
        await raw.datagrams([raw.report(1)]);
        return raw.replies();
      },
      (n) => n > before,
    );
    // The control stream works as well: an unknown message is skipped, a bad one refused, and the session goes on.
    await raw.send({ type: 'no_such_message', of: 'a later version' });
    await raw.send({ type: 'publish', flow: 1, kind: 'video', source: 'camera', codec: 'mpeg', ssrc: 1 });
    expect((await raw.hear('refused')).code).toBe(Codes.badMessage);
    expect(await raw.ended()).toBe(false);
  });

  it.skipIf(why)('that announces an oversized message is told so and closed', async () => {
    const server = await stage.server('--bot', '0');
    const raw = await peer(kind, server, 'Large');
    await raw.join('peers', 'Large');
    await raw.write([0, 1, 0, 1]); // 65,537 bytes, one over the limit
    expect((await raw.hear('goodbye')).code).toBe(Codes.messageTooLarge);
    await until('the session is closed', () => raw.ended());
    // And nobody is shown a participant that is not there.
    const presences = async () => {
      const calls = await server.get<{ participants: { presence: string }[] }[]>('/api/calls');
      return calls.flatMap((c) => c.participants.map((p) => p.presence));
    };
    await until('it is not connected any more', presences, (all) => !all.includes('connected'));
  });

  it.skipIf(why)('that speaks another version is refused', async () => {
    const server = await stage.server('--bot', '0');
    const raw = await peer(kind, server, 'Future');
    await raw.send({ type: 'join', version: 99, room: 'peers', name: 'Future', receive: ['vp8'] });
    const goodbye = await raw.hear('goodbye');
    expect(goodbye.code).toBe(Codes.badVersion);
    expect(goodbye.message).toMatch(/version 1\b.*99/);
    await until('the session is closed', () => raw.ended());
  });

  it.skipIf(why)('that begins with anything but join, or not with a message at all, is refused', async () => {
    const server = await stage.server('--bot', '0');
    const early = await peer(kind, server, 'Early');
    await early.send({ type: 'mute', flow: 1, muted: true });
    expect((await early.hear('goodbye')).code).toBe(Codes.badMessage);
    const noise = await peer(kind, server, 'Noise');
    await noise.write([0, 0, 0, 3, 1, 2, 3]);
    expect((await noise.hear('goodbye')).code).toBe(Codes.badMessage);
  });
});

describe('a stalled reader', () => {
  const why = cannot('chromium');

  it.skipIf(why)('changes nothing for the others', async () => {
    const server = await stage.server('--bot', '0');
    const sender = await peer('chromium', server, 'Sender');
    await sender.join('stall', 'Sender');
    const track = await sender.publish(20, 100_000); // 16 Mbit/s: fills what the stalled one's browser buffers within the test
    const reader = await peer('chromium', server, 'Reader');
    await reader.join('stall', 'Reader');
    await until(
      'the reader receives',
      () => reader.frames(track),
      (f) => f.count > 20,
    );

    const stalled = await peer('chromium', server, 'Stalled', true);
    await stalled.join('stall', 'Stalled');
    const bytesTo = async (name: string) => {
      const all = await server.get<{ name?: string; metrics: { bytes_sent: number } }[]>('/api/connections');
      return all.find((c) => c.name === name)?.metrics.bytes_sent ?? 0;
    };
    // Until the server can send it nothing more: flow control has closed.
    let last = -1;
    await until(
      'the stalled one is full',
      async () => {
        const before = await bytesTo('Stalled');
        await pause(700);
        last = (await bytesTo('Stalled')) - before;
        return last;
      },
      (sent) => sent < 200_000,
      40_000,
    );
    const before = await reader.frames(track);
    await pause(4_000);
    const after = await reader.frames(track);
    expect(after.count - before.count).toBeGreaterThan(4 * 20 * 0.8);
    expect(after.longestGapMs).toBeLessThan(1_000);
    expect(await reader.ended()).toBe(false);
    expect(await sender.ended()).toBe(false);
  });
});
