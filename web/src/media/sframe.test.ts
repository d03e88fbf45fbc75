// SFrame against the vectors that the Go tests assert too: those of RFC 9605, and of what no RFC says.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fingerprint, fragmentOf, keyOf, keyWasSent, newKey, secretOf } from '../call/key.ts';
import type { Bytes } from '../protocol/varint.ts';
import { baseKey, decrypt, deriveKey, encrypt, nonce, parseHeader, writeHeader } from './sframe.ts';

function read<T>(file: string): T {
  const url = new URL(`../../../media/sframe/testdata/${file}`, import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as T;
}

const rfc = read<{
  headers: { kid: string; ctr: string; header: string }[];
  sframe: Record<
    'kid' | 'ctr' | 'base_key' | 'sframe_key' | 'sframe_salt' | 'metadata' | 'nonce' | 'pt' | 'ct',
    string
  >;
}>('vectors.json');
const roamcall =
  read<Record<'key' | 'fingerprint' | 'kid' | 'base_key' | 'ctr' | 'pt' | 'ct', string>[]>('roamcall.json');

const bytes = (s: string): Bytes => Uint8Array.from(s.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
const hex = (b: Uint8Array): string => [...b].map((v) => v.toString(16).padStart(2, '0')).join('');
const int = (s: string): bigint => BigInt(`0x${s}`);

describe('header', () => {
  it.each(rfc.headers)('$kid $ctr', ({ kid, ctr, header }) => {
    expect(hex(writeHeader({ kid: int(kid), ctr: int(ctr) }))).toBe(header);
    const size = header.length / 2;
    expect(parseHeader(bytes(`${header}aa`))).toEqual({ kid: int(kid), ctr: int(ctr), size });
    for (let n = 0; n < size; n++) expect(parseHeader(bytes(header).subarray(0, n))).toBeNull();
  });

  it.each(['', '8007', '0807', '900001', '0900ff', '99000100', 'ff0000000000000001ffffffffffffffff'])(
    'has one encoding, which %j is not',
    (bad) => {
      expect(parseHeader(bytes(bad))).toBeNull();
    },
  );
});

describe('RFC 9605, appendix C.3', () => {
  const v = rfc.sframe;
  const header = () => parseHeader(bytes(v.ct)) ?? expect.fail('no header');

  it('encrypts and decrypts', async () => {
    const key = await deriveKey(bytes(v.base_key), int(v.kid));
    expect(hex(key.salt)).toBe(v.sframe_salt);
    expect(hex(nonce(key.salt, int(v.ctr)))).toBe(v.nonce);
    expect(hex(await encrypt(key, int(v.ctr), bytes(v.pt), bytes(v.metadata)))).toBe(v.ct);
    expect(hex(await decrypt(key, header(), bytes(v.ct), bytes(v.metadata)))).toBe(v.pt);
  });

  it('does not without its metadata', async () => {
    const key = await deriveKey(bytes(v.base_key), int(v.kid));
    await expect(decrypt(key, header(), bytes(v.ct))).rejects.toThrow();
  });
});

describe('keys', () => {
  it.each(roamcall)('$key, KID $kid', async (v) => {
    expect(await fingerprint(v.key)).toBe(v.fingerprint);
    const base = await baseKey(secretOf(v.key), int(v.kid));
    expect(hex(base)).toBe(v.base_key);
    const key = await deriveKey(base, int(v.kid));
    expect(hex(await encrypt(key, int(v.ctr), bytes(v.pt)))).toBe(v.ct);
  });

  it('are random, and stand in a fragment', () => {
    const all = new Set(Array.from({ length: 100 }, newKey));
    expect(all.size).toBe(100);
    for (const key of all) {
      expect(keyOf(fragmentOf(key))).toBe(key);
      expect(secretOf(key).length).toBe(16);
    }
    expect(hex(secretOf('AAECAwQFBgcICQoLDA0ODw'))).toBe('000102030405060708090a0b0c0d0e0f');
    expect([fragmentOf(''), keyOf(''), keyOf('#elsewhere'), keyOf('#keys')]).toEqual(['', '', '', '']);
    expect([keyOf('#abc', '?transport=websocket'), keyOf('#monkey=1', '?monkey=1')]).toEqual(['', '']);
  });

  const whole = 'AAECAwQFBgcICQoLDA0ODw';

  it.each([
    [`#KEY=${whole}`, ''],
    [`#Key=${whole}`, ''],
    [`#key%3D${whole}`, ''],
    [`#a=b&key=${whole}`, ''],
    ['#KEY', ''],
    ['', `?key=${whole}`],
    ['', `?transport=websocket&KEY=${whole}`],
    [`#key=${whole}`, `?key=${whole}`],
  ])('are not passed over where they are damaged: %s %s', (fragment, query) => {
    expect(keyOf(fragment, query)).toBeNull();
    expect(keyWasSent(query)).toBe(query !== '');
  });

  it.each([
    '',
    '=',
    '=AAECAwQFBgcICQoLDA0OD',
    '=AAECAwQFBgcICQoLDA0ODw==',
    '=AAECAwQFBgcICQoLDA0ODw.',
    '=AAECAwQFBgcICQoLDA0ODx',
    '=AAECAwQFBgcICQoLDA0+/w',
    '=AAECAwQFBgcICQoLDA0O%20',
    '=AAECAwQFBgcICQoLDA0ODw&x=1',
  ])('are whole or none: #key%s', (rest) => {
    expect(keyOf(`#key${rest}`)).toBeNull();
    expect(() => secretOf(rest.slice(1))).toThrow(RangeError);
  });
});
