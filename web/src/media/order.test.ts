import { describe, expect, it } from 'vitest';
import { FrameOrder, type OrderFrame } from './order.ts';

interface Frame extends OrderFrame {
  name: string;
}

/** Frames of L1T2 as an encoder makes them: K T B T B T ..., B a base frame, T one above it; `key` at 0. */
function group(from: { seq: number; tl0: number }, length: number): Frame[] {
  return Array.from({ length }, (_, i) => {
    const tid = i % 2;
    return {
      name: `${i === 0 ? 'K' : tid === 0 ? 'B' : 'T'}${from.seq + i}`,
      seq: from.seq + i,
      tid,
      tl0: (from.tl0 + (i >> 1)) & 0xff,
      key: i === 0,
      baseSync: tid === 1,
      arrived: 0,
    };
  });
}

class Bench {
  readonly order = new FrameOrder<Frame>();
  readonly decoded: string[] = [];
  time = 0;

  give(...frames: (Frame | undefined)[]): this {
    for (const f of frames) if (f) this.order.push({ ...f, arrived: this.time });
    return this.run();
  }

  at(time: number): this {
    this.time = time;
    return this.run();
  }

  run(): this {
    this.decoded.push(...this.order.next(this.time).map((f) => f.name));
    return this;
  }
}

describe('FrameOrder', () => {
  const g = group({ seq: 100, tl0: 254 }, 8); // TL0PICIDX wraps within

  it('passes on what comes in order at once', () => {
    expect(new Bench().give(...g).decoded).toEqual(g.map((f) => f.name));
  });

  it('needs a key frame to begin with, and takes the frames that overtook it', () => {
    const b = new Bench().give(g[1], g[2]);
    expect(b.order.needKey).toBe(true);
    expect(b.decoded).toEqual([]);
    expect(b.give(g[0]).decoded).toEqual(['K100', 'T101', 'B102']);
  });

  it('puts layers that arrive crosswise back in order', () => {
    const b = new Bench().give(g[0], g[2], g[4]);
    expect(b.decoded).toEqual(['K100']);
    expect(b.give(g[1], g[3]).decoded).toEqual(['K100', 'T101', 'B102', 'T103', 'B104']);
  });

  it('goes on without an upper frame after a short wait', () => {
    const b = new Bench().give(g[0], g[2]);
    expect(b.order.wakeAt).toBe(30);
    expect(b.at(29).decoded).toEqual(['K100']);
    expect(b.at(30).decoded).toEqual(['K100', 'B102']);
    expect(b.give(g[1]).decoded).toEqual(['K100', 'B102']); // too late
    expect(b.order.needKey).toBe(false);
  });

  it('does not wait for a layer that is being shed, until it comes again', () => {
    const long = group({ seq: 0, tl0: 0 }, 30);
    const b = new Bench().give(long[0]);
    for (let i = 2; i <= 6; i += 2) {
      b.give(long[i]);
      b.at(b.time + 30);
    }
    b.give(long[8], long[10]);
    expect(b.decoded.at(-1)).toBe('B10');
    b.give(long[12], long[13], long[14], long[16]);
    expect(b.decoded.at(-1)).toBe('B14');
    expect(b.at(b.time + 30).decoded.at(-1)).toBe('B16');
  });

  it('waits with a key frame for the end of the group before it, unless that has ended', () => {
    const next = group({ seq: 120, tl0: 20 }, 2); // after base frames that were lost with the publisher's connection
    const waits = new Bench().give(...g).give(...next);
    expect(waits.decoded.at(-1)).toBe('T107');
    expect(waits.at(119).decoded.at(-1)).toBe('T107');
    expect(waits.at(120).decoded.slice(-2)).toEqual(['K120', 'T121']);

    const ended = new Bench().give(...g);
    ended.order.ended(g[0]?.seq ?? 0);
    expect(ended.give(...next).decoded.slice(-2)).toEqual(['K120', 'T121']);

    const another = new Bench().give(...g);
    another.order.ended(50); // a group before this one
    expect(another.give(...next).decoded.at(-1)).toBe('T107');
    another.order.ended(g[0]?.seq ?? 0);
    expect(another.run().decoded.slice(-2)).toEqual(['K120', 'T121']);
  });

  it('waits for a missing base frame and does not decode past it', () => {
    const b = new Bench().give(g[0], g[1], g[3], g[4], g[5], g[6]);
    expect(b.at(900).decoded).toEqual(['K100', 'T101']);
    expect(b.give(g[2]).decoded).toEqual(['K100', 'T101', 'B102', 'T103', 'B104', 'T105', 'B106']);
  });

  it('asks for a key frame when the base frame never comes', () => {
    const b = new Bench().give(g[0], g[4], g[5]);
    expect(b.at(999).order.needKey).toBe(false);
    expect(b.at(1000).order.needKey).toBe(true);
    expect(b.give(g[6]).decoded).toEqual(['K100']);
    const next = group({ seq: 120, tl0: 10 }, 3);
    expect(b.give(...next).decoded).toEqual(['K100', 'K120', 'T121', 'B122']);
  });

  it('asks soon when the stream of the base layer was reset', () => {
    const b = new Bench().give(g[0], g[4]);
    b.order.cut();
    expect(b.at(60).order.needKey).toBe(true);
  });

  it('gives the end of a group a chance before it jumps to the next', () => {
    const next = group({ seq: 108, tl0: 2 }, 4);
    const b = new Bench().give(g[0], g[1]).give(...next);
    expect(b.at(119).decoded).toEqual(['K100', 'T101']);
    expect(b.at(120).decoded).toEqual(['K100', 'T101', ...next.map((f) => f.name)]);
    expect(b.give(g[2]).decoded.at(-1)).toBe('T111');
  });

  it('jumps at once when the old group was cut', () => {
    const next = group({ seq: 108, tl0: 2 }, 2);
    const b = new Bench().give(g[0]);
    b.order.cut();
    expect(b.give(...next).decoded).toEqual(['K100', 'K108', 'T109']);
  });

  it('begins with the newest key frame of a burst', () => {
    const next = group({ seq: 108, tl0: 2 }, 3);
    const b = new Bench();
    for (const f of [...g, ...next]) b.order.push(f);
    expect(b.run().decoded).toEqual(['K108', 'T109', 'B110']);
  });

  it('does not decode a frame whose lower upper layer is missing (L1T3)', () => {
    const f = (name: string, seq: number, tid: number, tl0: number, baseSync: boolean): Frame => ({
      name,
      seq,
      tid,
      tl0,
      baseSync,
      key: seq === 0,
      arrived: 0,
    });
    // K 2a 1 2b | B: 2b depends on 1, which is lost.
    const b = new Bench().give(f('K', 0, 0, 0, false), f('2a', 1, 2, 0, true));
    b.give(f('2b', 3, 2, 0, false), f('B', 4, 0, 1, false)).at(30);
    expect(b.decoded).toEqual(['K', '2a', 'B']);
  });

  it('drops duplicates and stays bounded', () => {
    const b = new Bench();
    expect(b.order.push(g[3] as Frame)).toBe(true);
    expect(b.order.push(g[3] as Frame)).toBe(false);
    for (const f of group({ seq: 1000, tl0: 0 }, 5000)) if (!f.key) b.order.push(f);
    expect(b.order.waiting).toBeLessThanOrEqual(256);
  });

  it('never passes on a frame twice, out of order or without its reference, whatever is lost or late', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed / 0x7fffffff;
    };
    for (let round = 0; round < 50; round++) {
      const all = [0, 1, 2, 3].flatMap((n) => group({ seq: 40 * n, tl0: 20 * n }, 40));
      const sent = all
        .map((f, i) => ({ f, at: i * 33 + random() * (random() < 0.1 ? 400 : 20) }))
        .filter(() => random() > 0.03)
        .sort((a, b) => a.at - b.at);
      const order = new FrameOrder<Frame>();
      let last: Frame | null = null;
      let base = -1;
      const check = (now: number) => {
        for (const f of order.next(now)) {
          expect(f.seq).toBeGreaterThan(last?.seq ?? -1);
          if (!f.key) expect(f.tid === 0 ? (f.tl0 - base) & 0xff : f.tl0 - base).toBe(f.tid === 0 ? 1 : 0);
          if (f.tid === 0) base = f.tl0;
          last = f;
        }
      };
      for (const { f, at } of sent) {
        while (order.wakeAt < at) check(order.wakeAt);
        order.push({ ...f, arrived: at });
        check(at);
      }
      expect((last as Frame | null)?.seq).toBeGreaterThan(40); // it recovers at a later key frame
    }
  });
});
