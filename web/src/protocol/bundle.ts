// Several datagrams in one (media.BundleFlow).

import { type Bytes, readVarint } from './varint.ts';

/** Calls `each` with every datagram of a bundle but bundles. What cannot be read, and what is behind it, is left out. */
export function unbundle(bundle: Bytes, each: (datagram: Bytes) => void): void {
  for (let at = 1; at < bundle.length; ) {
    const size = (bundle[at] as number) < 0x80 && readVarint(bundle, at); // no datagram is longer than two bytes say
    if (!size || size.next + size.value > bundle.length) return;
    at = size.next + size.value;
    if (size.value && bundle[size.next] !== bundle[0]) each(bundle.subarray(size.next, at));
  }
}
