import type { ConnectionIDInfo, Side } from '../protocol/messages.gen.ts';

export interface ChipData {
  key: string;
  sequence: number;
  /** As printed; 'empty' for a zero-length ID. */
  text: string;
  hex: string;
  state: 'issued' | 'in_use' | 'retired';
  word: string;
  hint: string;
}

export interface ChipGroup {
  issuer: Side;
  title: string;
  hint: string;
  chips: ChipData[];
  /** Older retired IDs that are left out. */
  hidden: number;
}

const keptRetired = 4;

/** The connection IDs of one issuer, oldest first, with all but the newest retired ones left out. */
export function group(ids: readonly ConnectionIDInfo[], issuer: Side): ChipGroup {
  const own = ids.filter((id) => id.issuer === issuer).toSorted((a, b) => a.sequence - b.sequence);
  const retired = own.filter((id) => id.state === 'retired');
  const hidden = Math.max(0, retired.length - keptRetired);
  const left = new Set(retired.slice(0, hidden));
  const server = issuer === 'server';
  return {
    issuer,
    title: server ? 'On packets to the server' : 'On packets to the client',
    hint: server
      ? 'Issued by the server; the client writes one of them as destination connection ID on the packets that it sends. The server finds the connection by it, whatever address the packet comes from (RFC 9000 §5.1).'
      : 'Issued by the client; the server writes one of them as destination connection ID on the packets that it sends (RFC 9000 §5.1).',
    chips: own.filter((id) => !left.has(id)).map(chip),
    hidden,
  };
}

const words = { issued: 'ready', in_use: 'in use', retired: 'retired' } as const;

function chip(id: ConnectionIDInfo): ChipData {
  const state = id.state === 'in_use' || id.state === 'retired' ? id.state : 'issued';
  const empty = id.id === '';
  const writer = id.issuer === 'server' ? 'the client' : 'the server';
  const what = empty
    ? 'A zero-length connection ID: packets to this client carry none and find it by its address and port. Chromium chooses this; it is allowed (RFC 9000 §5.1).'
    : {
        issued: `Issued and unused, kept ready: ${writer} can change to it when the path changes (RFC 9000 §5.1.1).`,
        in_use: `In use: ${writer} writes it on the packets that it sends now.`,
        retired: `Retired: ${writer} will not write it again (RFC 9000 §5.1.2).`,
      }[state];
  return {
    key: `${id.issuer}${id.sequence}`,
    sequence: id.sequence,
    text: empty ? 'empty, of zero length' : id.id,
    hex: id.id,
    state,
    word: words[state],
    hint: `${empty ? '' : `${id.id}, sequence number ${id.sequence}. `}${what}`,
  };
}

/** The ID that is written now on the packets towards its issuer. */
export function inUse(ids: readonly ConnectionIDInfo[], issuer: Side): ConnectionIDInfo | undefined {
  return ids.findLast((id) => id.issuer === issuer && id.state === 'in_use');
}

/** The middle of a long ID left out. */
export function shorten(hex: string, most = 16): string {
  if (hex.length <= most) return hex;
  const half = Math.floor((most - 1) / 2);
  return `${hex.slice(0, half)}…${hex.slice(-half)}`;
}
