// Finds the addresses in a text. What is written in a chat never becomes markup: the pieces are shown as text, and as links with that text.

/** A piece of a text; with `href` it is a link. */
export interface Piece {
  text: string;
  href?: string;
}

/** Up to a blank, or to what does not print and could make an address look like another. */
const ADDRESS = /https?:\/\/[^\s<>"\p{Cc}\p{Cf}]+/giu;

export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTail(match[0]);
    const href = hrefOf(address);
    if (href === null) continue;
    if (match.index > done) pieces.push({ text: text.slice(done, match.index) });
    pieces.push({ text: address, href });
    done = match.index + address.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done) });
  return pieces;
}

const BRACKETS: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** Without what belongs to the sentence around it: marks at the end, and brackets that were opened before. */
function withoutTail(address: string): string {
  const counts: Record<string, number> = {};
  for (const c of address) counts[c] = (counts[c] ?? 0) + 1;
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1] as string;
    const open = BRACKETS[last];
    const unopened = open !== undefined && (counts[last] ?? 0) > (counts[open] ?? 0);
    if (!unopened && !/[.,;:!?'*]/.test(last)) break;
    counts[last] = (counts[last] ?? 0) - 1;
  }
  return address.slice(0, end);
}

/** Where a link leads; null for what is no address of the web, or has a name before its host, which is there to be taken for it. */
function hrefOf(address: string): string | null {
  try {
    const { protocol, hostname, username, password, href } = new URL(address);
    const web = protocol === 'http:' || protocol === 'https:';
    return web && hostname !== '' && username === '' && password === '' ? href : null;
  } catch {
    return null;
  }
}
