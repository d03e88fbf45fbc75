import { describe, expect, it } from 'vitest';
import { EncodingSwitch } from './encoding-switch.ts';
import type { EncodedFrame } from './incoming-encoding.ts';

const FRAME_MS = 30;

interface Frame extends EncodedFrame {
  name: string;
}

/** Sends the encodings of a video: frame n of each was captured at n * 30 ms. */
class Bench {
  readonly encodings = new EncodingSwitch<Frame>();
  readonly decoded: string[] = [];
  now = 0;
  #groups = new Map<number, number>(); // where the latest group of an encoding begins, frame number

  constructor(...ids: number[]) {
    this.encodings.set(ids);
  }

  /** Frame n of an encoding arrives; with `key` it begins a group. Frames of one layer; sequence numbers start at 1000 times the id. */
  give(id: number, n: number, key = false): this {
    if (key) this.#groups.set(id, n);
    const encoding = this.encodings.get(id);
    const seq = encoding?.number(1000 * id + n, this.now) ?? 0;
    if (encoding?.count(seq)) {
      encoding.push({
        name: `${id}${key ? 'K' : 'd'}${n}`,
        seq,
        tid: 0,
        tl0: n & 0xff,
        key,
        baseSync: false,
        arrived: this.now,
        media: n * FRAME_MS,
      });
    }
    return this.at(this.now);
  }

  /** Frames from..to of an encoding, the first a key frame, unless its group has begun before. */
  run(id: number, from: number, to: number, { goesOn = false } = {}): this {
    for (let n = from; n <= to; n++) this.give(id, n, n === from && !goesOn);
    return this;
  }

  at(now: number): this {
    this.now = now;
    this.decoded.push(...this.encodings.next(now).map((f) => f.name));
    return this;
  }

  get activeId(): number | undefined {
    for (const [id, encoding] of this.encodings.entries()) if (encoding === this.encodings.active) return id;
    return undefined;
  }
}

describe('EncodingSwitch', () => {
  it('begins with the encoding that begins', () => {
    const b = new Bench(1, 2);
    expect([b.encodings.needKey, b.activeId]).toEqual([true, undefined]);
    b.run(2, 5, 7);
    expect(b.decoded).toEqual(['2K5', '2d6', '2d7']);
    expect([b.encodings.needKey, b.activeId]).toEqual([false, 2]);
  });

  it('goes down and up again at key frames', () => {
    const b = new Bench(1, 2).run(1, 0, 2).run(2, 3, 4).run(1, 5, 6);
    expect(b.decoded).toEqual(['1K0', '1d1', '1d2', '2K3', '2d4', '1K5', '1d6']);
    expect(b.activeId).toBe(1);
  });

  it('takes what overtook the key frame that it goes over at', () => {
    const b = new Bench(1, 2).run(1, 0, 2).give(2, 4).give(2, 5);
    expect(b.decoded.at(-1)).toBe('1d2');
    b.give(2, 3, true);
    expect(b.decoded.slice(-3)).toEqual(['2K3', '2d4', '2d5']);
    expect(b.encodings.get(2)?.reception.lost).toBe(0);
  });

  it('has no use for late frames of the encoding that it left, nor for its late key frames', () => {
    const b = new Bench(1, 2).run(1, 0, 2).run(2, 4, 5);
    b.give(1, 3).give(1, 4, true).give(1, 5);
    expect(b.decoded.at(-1)).toBe('2d5');
    expect(b.activeId).toBe(2);
    b.give(2, 6);
    expect(b.decoded.at(-1)).toBe('2d6');
  });

  it('does not decode a key frame that comes twice', () => {
    const b = new Bench(1, 2).run(1, 0, 2).run(2, 3, 4).give(2, 3, true);
    expect(b.decoded.filter((name) => name === '2K3')).toHaveLength(1);
    b.run(1, 5, 6).give(2, 3, true).give(1, 5, true).give(1, 7);
    expect(b.decoded.slice(-3)).toEqual(['1K5', '1d6', '1d7']);
  });

  it('of two that begin at once takes the one that is in front', () => {
    const b = new Bench(1, 2, 3).run(1, 0, 2);
    b.encodings.get(2)?.push(frame(2, 4));
    b.encodings.get(3)?.push(frame(3, 6));
    expect(b.at(0).decoded.slice(-1)).toEqual(['3K6']);
    expect(b.activeId).toBe(3);
  });

  it('asks for a key frame of the active one only, and starts over with the one it left', () => {
    const b = new Bench(1, 2).run(1, 0, 2).give(2, 3);
    expect(b.encodings.needKey).toBe(false);
    b.give(2, 4, true);
    b.give(1, 3).give(1, 5);
    expect(b.encodings.needKey).toBe(false);
    b.encodings.reset();
    expect(b.encodings.needKey).toBe(true);
    b.give(1, 6, true); // instead of what was asked for
    expect([b.encodings.needKey, b.decoded.at(-1)]).toEqual([false, '1K6']);
  });

  it('goes on from a key frame of the past if only that encoding comes any more', () => {
    const b = new Bench(1, 2).run(1, 0, 10);
    b.run(2, 5, 12);
    expect(b.decoded.at(-1)).toBe('1d10');
    b.run(2, 13, 14, { goesOn: true }); // more than 100 ms ahead
    expect(b.decoded.slice(-10)).toEqual([
      '2K5',
      '2d6',
      '2d7',
      '2d8',
      '2d9',
      '2d10',
      '2d11',
      '2d12',
      '2d13',
      '2d14',
    ]);
  });

  it('goes over to a key frame that small frames of the same pictures have overtaken', () => {
    const b = new Bench(1, 2).run(2, 0, 5); // the small one
    b.give(1, 5, true); // of the picture that is shown
    expect(b.decoded.at(-1)).toBe('1K5');
    const c = new Bench(1, 2).run(2, 0, 6);
    c.give(1, 5, true);
    expect(c.activeId).toBe(2);
    c.give(1, 6);
    expect(c.decoded.slice(-2)).toEqual(['1K5', '1d6']);
  });

  it('does not go back to what it has left for a key frame of the same time', () => {
    const b = new Bench(1, 2).run(2, 0, 4);
    b.give(1, 5, true); // both were asked for one
    b.give(2, 5, true);
    expect([b.activeId, b.decoded.at(-1)]).toEqual([1, '1K5']);
  });

  it('goes over to one whose key frame was lost, to ask for another', () => {
    const b = new Bench(1, 2).run(1, 0, 2);
    b.run(2, 4, 18, { goesOn: true });
    expect([b.activeId, b.encodings.needKey]).toEqual([1, false]);
    b.run(2, 19, 20, { goesOn: true }); // more than 500 ms ahead
    expect([b.activeId, b.encodings.needKey]).toEqual([2, true]);
    b.run(2, 21, 22);
    expect(b.decoded.slice(-2)).toEqual(['2K21', '2d22']);
  });

  it('goes back to a group that it had left', () => {
    const b = new Bench(1, 2).run(1, 0, 5).run(2, 6, 8);
    b.run(1, 0, 12); // as the server has it, from its key frame on
    expect(b.decoded.slice(-3)).toEqual(['1d10', '1d11', '1d12']);
    expect(b.activeId).toBe(1);
  });

  it('waits for what is missing of the active one, and knows what was lost', () => {
    const b = new Bench(1, 2).run(1, 0, 2).give(1, 4);
    expect(b.encodings.wakeAt).toBe(1_000);
    b.at(1_000);
    expect(b.encodings.needKey).toBe(true);
    b.run(2, 5, 6);
    expect(b.encodings.needKey).toBe(false);
    expect(b.encodings.get(1)?.reception.lost).toBe(1);
  });

  it('does not miss what was not sent', () => {
    const b = new Bench(1, 2).run(1, 0, 2).run(2, 3, 4).run(1, 400, 401).give(1, 403);
    expect(b.encodings.get(1)?.reception).toMatchObject({ received: 6, highest: 1403, lost: 1 });
    expect(b.encodings.get(2)?.reception.lost).toBe(0);
  });

  it('knows the numbers of an encoding that comes again after hours', () => {
    const encoding = new Bench(1).run(1, 0, 3).encodings.get(1);
    expect(encoding?.number((1_003 + 40_000) & 0xffff, 3_600_000)).toBe(41_003);
    expect(encoding?.number(41_001, 3_600_010)).toBe(41_001); // in disorder as ever
  });

  it('follows a track that is announced again with other encodings', () => {
    const b = new Bench(1, 2).run(1, 0, 2).run(2, 3, 4);
    b.encodings.set([1, 7]);
    expect([b.activeId, b.encodings.needKey, b.encodings.get(2)]).toEqual([undefined, true, undefined]);
    b.run(7, 2, 5);
    expect(b.decoded.slice(-4)).toEqual(['7K2', '7d3', '7d4', '7d5']);
  });
});

function frame(id: number, n: number): Frame {
  return {
    name: `${id}K${n}`,
    seq: 1000 * id + n,
    tid: 0,
    tl0: n,
    key: true,
    baseSync: false,
    arrived: 0,
    media: n * FRAME_MS,
  };
}
