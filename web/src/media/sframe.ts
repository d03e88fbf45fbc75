// Secure Frame (RFC 9605), cipher suite AES_128_GCM_SHA256_128, through WebCrypto. Package media/sframe is the same in Go and documents the keys; both
// are tested with the same vectors. Nothing here knows tracks: see sealing.ts.
//
//	|X|  K  |Y|  C  |  KID...  |  CTR...  |  encrypted  |  tag (16)  |
//	X, K: the key identifier itself below 8, or the number of its bytes less one; Y, C: the same for the counter

import type { Bytes } from '../protocol/varint.ts';

const CIPHER_SUITE = Uint8Array.of(0, 4);
const KEY_BITS = 128;
const SALT_BITS = 96;
const TAG_BITS = 128;
const BASE_KEY_BITS = 256;
const EXTENDED = 8; // the flag X or Y
const NOTHING = new Uint8Array();

export interface Header {
  kid: bigint; // 64 bits
  ctr: bigint; // 64 bits
}

/** Key and salt of a KID. */
export interface FrameKey {
  readonly kid: bigint;
  readonly key: CryptoKey;
  readonly salt: Bytes;
}

/** The header of a ciphertext, 1 to 17 bytes (section 4.3). */
export function writeHeader({ kid, ctr }: Header): Bytes {
  const [k, c] = [valueBytes(kid), valueBytes(ctr)];
  return Uint8Array.of((field(kid, k) << 4) | field(ctr, c), ...k, ...c);
}

/** What stands behind the config byte: nothing below 8, else the bytes of the value, as few as it takes. */
function valueBytes(value: bigint): number[] {
  const bytes: number[] = [];
  if (value < EXTENDED) return bytes;
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return bytes;
}

function field(value: bigint, bytes: number[]): number {
  return bytes.length === 0 ? Number(value) : EXTENDED | (bytes.length - 1);
}

/** Reads a header; `null` if it is malformed, also if a value has more bytes than it needs. */
export function parseHeader(bytes: Uint8Array): (Header & { size: number }) | null {
  const config = bytes[0];
  if (config === undefined) return null;
  const kid = readValue(config >> 4, bytes, 1);
  const ctr = kid && readValue(config & 15, bytes, kid.next);
  return kid && ctr && { kid: kid.value, ctr: ctr.value, size: ctr.next };
}

function readValue(bits: number, bytes: Uint8Array, at: number): { value: bigint; next: number } | null {
  if (bits < EXTENDED) return { value: BigInt(bits), next: at };
  const next = at + bits - EXTENDED + 1;
  if (next > bytes.length) return null;
  let value = 0n;
  for (let i = at; i < next; i++) value = (value << 8n) | BigInt(bytes[i] as number);
  return value < EXTENDED || bytes[at] === 0 ? null : { value, next };
}

/** The base key of a KID in a call with this secret. No two tracks share a KID, so none share a key. */
export function baseKey(secret: Bytes, kid: bigint): Promise<Bytes> {
  return hkdf(secret, concat(text('Roamcall 1.0 Base key '), uint64(kid)), BASE_KEY_BITS);
}

/** Key and salt (section 4.4.2). */
export async function deriveKey(base: Bytes, kid: bigint): Promise<FrameKey> {
  const info = (what: string) => concat(text(`SFrame 1.0 Secret ${what} `), uint64(kid), CIPHER_SUITE);
  const [raw, salt] = await Promise.all([
    hkdf(base, info('key'), KEY_BITS),
    hkdf(base, info('salt'), SALT_BITS),
  ]);
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  return { kid, key, salt };
}

/** HKDF-SHA256 without a salt (RFC 5869). */
async function hkdf(secret: Bytes, info: Bytes, bits: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt: NOTHING, info };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, bits));
}

/** Encrypts (section 4.4.3). A counter must not come twice with one key. Nothing here has metadata; the RFC's vectors have. */
export async function encrypt(
  key: FrameKey,
  ctr: bigint,
  plain: Bytes,
  metadata: Bytes = NOTHING,
): Promise<Bytes> {
  const header = writeHeader({ kid: key.kid, ctr });
  const sealed = await crypto.subtle.encrypt(gcm(key, ctr, concat(header, metadata)), key.key, plain);
  return concat(header, new Uint8Array(sealed));
}

/** Decrypts what has this header (section 4.4.4). Rejects if it was encrypted with another key, or changed. */
export async function decrypt(
  key: FrameKey,
  header: { ctr: bigint; size: number },
  sealed: Bytes,
  metadata: Bytes = NOTHING,
): Promise<Bytes> {
  const aad = concat(sealed.subarray(0, header.size), metadata);
  const body = sealed.subarray(header.size);
  return new Uint8Array(await crypto.subtle.decrypt(gcm(key, header.ctr, aad), key.key, body));
}

function gcm(key: FrameKey, ctr: bigint, additionalData: Bytes): AesGcmParams {
  return { name: 'AES-GCM', iv: nonce(key.salt, ctr), additionalData, tagLength: TAG_BITS };
}

/** The salt with the counter in its last bytes. */
export function nonce(salt: Bytes, ctr: bigint): Bytes {
  const out = salt.slice();
  const view = new DataView(out.buffer);
  view.setBigUint64(4, view.getBigUint64(4) ^ ctr);
  return out;
}

function text(s: string): Uint8Array {
  return new TextEncoder().encode(s);
}

function uint64(value: bigint): Bytes {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value);
  return out;
}

/** One after the other. */
export function concat(...parts: Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
