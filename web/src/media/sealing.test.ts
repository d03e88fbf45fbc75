import { describe, expect, it } from 'vitest';
import type { Bytes } from '../protocol/varint.ts';
import { type Deferred, deferred } from '../transport/waiting.ts';
import { InOrder } from './in-order.ts';
import { Opener, Sealer } from './sealing.ts';
import { parseHeader } from './sframe.ts';

const secret = (n: number): Bytes => new Uint8Array(16).fill(n);
const payload = (n: number): Bytes => new TextEncoder().encode(`payload ${n}, plain to see`).slice();

/** Until everything that is ready has been taken. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Seals payloads, all at once. */
function sealAll(sealer: Sealer, plain: Bytes[]): Promise<Bytes[]> {
  const sealed: Bytes[] = [];
  return new Promise((resolve, reject) => {
    for (const p of plain) {
      sealer.seal(p, (s) => {
        if (s) sealed.push(s);
        else reject(new Error('not sealed'));
        if (sealed.length === plain.length) resolve(sealed);
      });
    }
  });
}

describe('InOrder', () => {
  it('keeps the order of what was begun, whatever is ready first', async () => {
    const order = new InOrder();
    const work: Deferred<number>[] = Array.from({ length: 5 }, () => deferred<number>());
    const taken: (number | null)[] = [];
    for (const w of work) order.add(w.promise, (r) => taken.push(r));
    order.after(() => taken.push(-1));
    expect([order.waiting, taken]).toEqual([6, []]);
    for (const i of [4, 2, 1]) work[i]?.resolve(i);
    await settle();
    expect(taken).toEqual([]);
    work[0]?.resolve(0);
    await settle();
    expect([order.waiting, taken]).toEqual([3, [0, 1, 2]]);
    work[3]?.reject(new Error('failed'));
    await order.settled;
    expect([order.waiting, taken]).toEqual([0, [0, 1, 2, null, 4, -1]]);
  });

  it('does at once what nothing is before, and goes on after somebody who throws', async () => {
    const order = new InOrder();
    let done = 0;
    order.after(() => done++);
    expect(done).toBe(1);
    order.add(Promise.resolve(), () => {
      throw new Error('the decoder is gone');
    });
    order.add(Promise.resolve(), () => done++);
    await order.settled;
    expect([done, order.waiting]).toEqual([2, 0]);
  });
});

describe('a track', () => {
  it('arrives as it was sent, in order, and nothing of it is plain on the way', async () => {
    const plain = Array.from({ length: 50 }, (_, i) => payload(i));
    const sealed = await sealAll(new Sealer(secret(1)), plain);
    const opener = new Opener(secret(1));
    expect(await Promise.all(sealed.map((s) => opener.open(s)))).toEqual(plain);
    expect([opener.opened, opener.failed, opener.wrongKey, opener.hopeless]).toEqual([50, 0, false, false]);
    for (const [i, s] of sealed.entries()) {
      const wire = String.fromCharCode(...s);
      const p = String.fromCharCode(...(plain[i] as Bytes));
      for (let at = 0; at + 4 <= p.length; at++) expect(wire).not.toContain(p.slice(at, at + 4));
    }
  });

  it('never uses a counter again, and shares its key with no other track', async () => {
    const [a, b] = [new Sealer(secret(1)), new Sealer(secret(1))];
    const headers = [...(await sealAll(a, [payload(0), payload(0), payload(0)]))];
    headers.push(...(await sealAll(a, [payload(0)])), ...(await sealAll(b, [payload(0)])));
    const parsed = headers.map((h) => parseHeader(h));
    expect(parsed.map((h) => h?.ctr)).toEqual([0n, 1n, 2n, 3n, 0n]);
    expect(new Set(parsed.map((h) => h?.kid)).size).toBe(2);
    // The other track is readable for whoever has the secret.
    const opener = new Opener(secret(1));
    for (const h of headers) await opener.open(h);
    expect(opener.opened).toBe(5);
  });

  it('tells how much waits', async () => {
    const sealer = new Sealer(secret(1));
    const sealing = sealAll(sealer, [payload(1), payload(2)]);
    expect(sealer.waiting).toBe(2);
    await sealing;
    expect(sealer.waiting).toBe(0);
  });

  it('is not readable with another key, which is said after a few payloads', async () => {
    const sealed = await sealAll(
      new Sealer(secret(1)),
      Array.from({ length: 8 }, (_, i) => payload(i)),
    );
    const opener = new Opener(secret(2));
    for (const [i, s] of sealed.entries()) {
      await expect(opener.open(s)).rejects.toThrow();
      expect([opener.failed, opener.wrongKey, opener.hopeless]).toEqual([i + 1, i >= 4, i >= 4]);
    }
  });

  it('is not readable without a key, and that is not another key', async () => {
    const [sealed] = (await sealAll(new Sealer(secret(1)), [payload(1)])) as [Bytes];
    const opener = new Opener(null);
    expect(opener.hopeless).toBe(true);
    for (let i = 0; i < 10; i++) await expect(opener.open(sealed)).rejects.toThrow();
    expect([opener.failed, opener.wrongKey]).toEqual([10, false]);
  });

  it('that was readable is damaged, not encrypted with another key', async () => {
    const [sealed] = (await sealAll(new Sealer(secret(1)), [payload(1)])) as [Bytes];
    const opener = new Opener(secret(1));
    await opener.open(sealed);
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] = (changed[i] as number) ^ 1;
      await expect(opener.open(changed)).rejects.toThrow();
      await expect(opener.open(sealed.slice(0, i))).rejects.toThrow();
    }
    expect(opener.wrongKey).toBe(false);
    expect(await opener.open(sealed)).toEqual(payload(1));
  });
});
