// A sender, a path with a bottleneck, and a server that answers, as functions of time.

import { describe, expect, it } from 'vitest';
import type { Reply } from '../protocol/report.ts';
import { Backlog } from './backlog.ts';
import { Nada } from './nada.ts';
import { QueueingDelay } from './queueing.ts';
import { Uplink } from './uplink.ts';

const FRAME = 33;
const REPORT = 50;
const SOUND = 100_000; // bit/s
const QUEUE = 100; // ms that the network holds; what does not fit waits at the sender, as the transport's window makes it

interface Seen {
  at: number;
  estimate: number;
  sent: number; // bit/s of the encoder
  queued: number; // ms of all that is on its way
  usable: number;
}

/** Runs for so many ms. The encoder follows its target by and by, gives out frames of uneven sizes, and has no use for more than `most`. */
function run(o: {
  ms: number;
  capacity: (t: number) => number;
  rtt?: number;
  most?: number;
  loss?: number;
  restartAt?: number;
}): Seen[] {
  const { rtt = 31, most = 1_500_000, loss = 0 } = o;
  const uplink = new Uplink();
  const backlog = new Backlog();
  const seen: Seen[] = [];
  let encoder = 500_000;
  let seq = 0;
  let packets = 0;
  let lost = 0;
  const network: { bits: number; arrive(t: number): void }[] = []; // in front of the bottleneck, in order
  const before: typeof network = []; // that wait at the sender
  const later: { at: number; go(): void }[] = [];
  const arrivedSeq = { value: 0 };
  const clockOffset = 123_456;
  let soundBits = 0;
  const bitsOf = (queue: typeof network) => queue.reduce((sum, p) => sum + p.bits, 0);
  for (let t = 0; t < o.ms; t++) {
    const capacity = o.capacity(t);
    if (t === o.restartAt) uplink.restart();
    if (t % FRAME === 0) {
      encoder += (Math.min(most, uplink.usable - SOUND) - encoder) / 6;
      const rate = uplink.congested ? 0.6 * encoder : encoder; // the upper layer is left out
      const bits = ((rate * FRAME) / 1000) * (1 + 0.3 * Math.sin(t)) * (t % (150 * FRAME) === 0 ? 5 : 1);
      const n = ++seq & 0xffff;
      backlog.sent(n, bits / 8, t);
      before.push({ bits, arrive: () => (arrivedSeq.value = n) });
    }
    if (t % 20 === 0) {
      soundBits += SOUND / 50;
      packets++;
      const gone = (packets * 7919) % 1000 < 1000 * loss;
      if (gone) lost++;
      network.push({ bits: SOUND / 50, arrive: () => undefined });
    }
    if (t % REPORT === 0) {
      network.push({
        bits: 800,
        arrive: (arrived) => {
          const reply: Reply = {
            sequence: 0,
            clock: (t * 1000) % 2 ** 32,
            server: arrived + rtt / 2 + clockOffset,
            flows: [
              { flow: 1, highestSeq: 0, received: packets - lost, lost, jitter: 0 },
              { flow: 2, highestSeq: arrivedSeq.value, received: 0, lost: 0, jitter: 0 },
            ],
          };
          later.push({
            at: arrived + rtt,
            go: () => {
              const soundBytes = soundBits / 8;
              soundBits = 0;
              uplink.reply(reply, { now: arrived + rtt, rtt, backlogs: new Map([[2, backlog]]), soundBytes });
            },
          });
        },
      });
    }
    while (before.length > 0 && bitsOf(network) < (QUEUE * capacity) / 1000)
      network.push(before.shift() as (typeof before)[0]);
    let room = capacity / 1000;
    for (let first = network[0]; first && room > 0; first = network[0]) {
      const bits = Math.min(room, first.bits);
      room -= bits;
      first.bits -= bits;
      if (first.bits > 1e-6) break;
      network.shift();
      first.arrive(t);
    }
    while (later[0] && later[0].at <= t) later.shift()?.go();
    const queued = ((bitsOf(network) + bitsOf(before)) / capacity) * 1000;
    seen.push({ at: t, estimate: uplink.estimate, sent: encoder, queued, usable: uplink.usable });
  }
  return seen;
}

const between = (seen: Seen[], from: number, to: number) => seen.filter((s) => s.at >= from && s.at < to);
const worst = (seen: Seen[]) => Math.max(...seen.map((s) => s.queued));
const mean = (seen: Seen[], of: (s: Seen) => number) => seen.reduce((sum, s) => sum + of(s), 0) / seen.length;

describe('the way up', () => {
  it('with room for everything is used within seconds', () => {
    const seen = run({ ms: 20_000, capacity: () => 20_000_000 });
    expect(seen.find((s) => s.sent > 1_400_000)?.at).toBeLessThan(8_000);
    expect(worst(seen)).toBeLessThan(20);
  });

  it.each([400_000, 800_000, 1_200_000])('of %i bit/s is filled without a standing queue', (capacity) => {
    const seen = between(run({ ms: 40_000, capacity: () => capacity }), 15_000, 40_000);
    expect(mean(seen, (s) => s.sent + SOUND)).toBeGreaterThan(0.55 * capacity);
    expect(mean(seen, (s) => s.sent + SOUND)).toBeLessThan(capacity);
    expect(mean(seen, (s) => s.queued)).toBeLessThan(60);
  });

  it.each([0, 31, 100])(
    'that narrows from 3 to 1 Mbit/s is followed within a second, and back (RTT %i ms)',
    (rtt) => {
      const narrow = (t: number) => t >= 15_000 && t < 30_000;
      const seen = run({ ms: 45_000, rtt, capacity: (t) => (narrow(t) ? 1_000_000 : 3_000_000) });
      expect(mean(between(seen, 12_000, 15_000), (s) => s.sent)).toBeGreaterThan(1_300_000);
      const fits = between(seen, 15_000, 30_000).find((s) => s.sent + SOUND <= 1_000_000);
      expect(fits?.at).toBeLessThan(16_000 + rtt);
      expect(worst(between(seen, 15_000, 18_000))).toBeLessThan(300);
      const back = between(seen, 30_000, 45_000).find((s) => s.sent > 1_300_000);
      expect(back?.at).toBeLessThan(40_000);
    },
  );

  it.each([
    [0.01, 1_300_000],
    [0.05, 600_000],
    [0.1, 200_000],
  ])('that loses %f of the packets at random still carries a picture', (loss, least) => {
    const seen = run({ ms: 30_000, capacity: () => 20_000_000, loss });
    expect(mean(between(seen, 20_000, 30_000), (s) => s.sent)).toBeGreaterThan(least);
  });

  it('of somebody who sends little is not thought to be wide, nor narrow', () => {
    const seen = run({ ms: 30_000, capacity: () => 20_000_000, most: 150_000 });
    const { estimate } = seen.at(-1) as Seen;
    expect(estimate).toBeLessThan(2_100_000);
    expect(estimate).toBeGreaterThan(250_000);
  });

  it('that is another is begun with half', () => {
    const seen = run({ ms: 16_000, capacity: () => 20_000_000, restartAt: 15_000 });
    const before = seen[14_999] as Seen;
    const after = seen[15_000] as Seen;
    expect(after.estimate).toBeCloseTo(before.estimate / 2, -3);
    expect((seen.at(-1) as Seen).estimate).toBeGreaterThan(1.3 * after.estimate);
  });
});

describe('a queue', () => {
  const learn = (received: number) => {
    const nada = new Nada({ min: 150_000, max: 6_000_000, initial: 2_000_000 });
    let t = 0;
    const update = (queueing: number, received: number) => {
      t += 50;
      nada.update({ queueing, loss: 0, received, rtt: 30 }, t);
      return nada.rate;
    };
    for (let i = 0; i < 40; i++) update(0, received);
    return update;
  };

  it('of a way that is full shows what it takes, at once', () => {
    expect(learn(1_300_000)(120, 200_000)).toBe(200_000);
  });

  it('that comes while there is only sound is not its doing', () => {
    const update = learn(90_000);
    expect(update(120, 90_000)).toBeGreaterThan(900_000);
    expect(update(70, 80_000)).toBeGreaterThan(900_000); // the same one
    for (let i = 0; i < 60; i++) update(120, 90_000); // or perhaps it is
    expect(update(120, 90_000)).toBeLessThan(250_000);
  });
});

describe('the queueing delay', () => {
  it('is what comes on top of the soonest, whatever the clocks say, also where they wrap', () => {
    const q = new QueueingDelay();
    const sent = (t: number) => (2 ** 32 - 500_000 + t * 1000) % 2 ** 32;
    const arrived = (t: number, delay: number) => (77_000_000 + (t + delay) * 1000) % 2 ** 32;
    const values: number[] = [];
    for (let t = 0; t < 2_000; t += 50) {
      q.add(sent(t), arrived(t, t < 1_000 ? 15 : 55), t);
      values.push(q.value);
    }
    expect(values[10]).toBe(0);
    expect(values.at(-1)).toBe(40);
  });

  it('counts one late sample for nothing, and forgets the soonest after a while', () => {
    const q = new QueueingDelay();
    let t = 0;
    const add = (delay: number) => {
      t += 50;
      q.add(t * 1000, (t + delay) * 1000, t);
      return q.value;
    };
    for (let i = 0; i < 10; i++) add(15);
    expect([add(95), add(15), add(15)]).toEqual([0, 0, 0]);
    for (let i = 0; i < 20 * 21; i++) add(35); // another route
    expect(q.value).toBe(0);
  });
});
