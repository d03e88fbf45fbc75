// The key of an encrypted call. It stands in the fragment of the call's link, which browsers send to nobody, and goes from there into this page's worker and into
// the links that people share, nowhere else. '' is the key of a call that is not encrypted.

import { concat } from '../media/sframe.ts';
import { fromBase64URL, toBase64URL } from '../protocol/base64url.ts';
import type { Bytes } from '../protocol/varint.ts';

const FRAGMENT = '#key=';
const SIZE = 16; // bytes
/** In base64url without padding; of the last digit two bits count. */
const KEY = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** What was meant to be a key, in a fragment or a query. */
const MEANT = /[#?&]key(=|%3d|&|$)/i;

/**
 * The key in the fragment of an address: '' if there is none, null if what stands there was meant to be one and is not whole, or stands in the query. A fragment
 * that is something else is of no concern.
 */
export function keyOf(fragment: string, query = ''): string | null {
  if (keyWasSent(query)) return null;
  if (!MEANT.test(fragment)) return '';
  const key = fragment.startsWith(FRAGMENT) ? fragment.slice(FRAGMENT.length) : '';
  return KEY.test(key) ? key : null;
}

/** Whether a key stands in the query of an address, which browsers send to the server. */
export function keyWasSent(query: string): boolean {
  return MEANT.test(query);
}

/** The fragment for a link to a call with this key. */
export function fragmentOf(key: string): string {
  return key === '' ? '' : FRAGMENT + key;
}

export function newKey(): string {
  return toBase64URL(crypto.getRandomValues(new Uint8Array(SIZE)));
}

/** The secret that a key is. Throws for what is no key: better no call than one that is not encrypted after all. */
export function secretOf(key: string): Bytes {
  if (!KEY.test(key)) throw new RangeError('not a key');
  return fromBase64URL(key);
}

/**
 * The fingerprint of a key, "09af 1c22": the same for all who have the same one, to be compared by voice. Its 32 bits show a mistake; somebody who makes keys for
 * others could make two with the same one.
 */
export async function fingerprint(key: string): Promise<string> {
  const label = new TextEncoder().encode('Roamcall 1.0 Fingerprint ');
  const digest = await crypto.subtle.digest('SHA-256', concat(label, secretOf(key)));
  const hex = [...new Uint8Array(digest, 0, 4)].map((b) => b.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 4)} ${hex.slice(4)}`;
}
