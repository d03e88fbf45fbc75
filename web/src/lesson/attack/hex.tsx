// A packet as the attacker has it: which bytes it can read, and the rest.

import type { ConnectionIDInfo } from '../../protocol/messages.gen.ts';

/** The parts of a packet with a short header (RFC 9000, section 17.3.1), in hex. */
export interface Parts {
  flags: string;
  /** The destination connection ID; '' if it is empty, or not known. */
  id: string;
  cipher: string;
}

/** The ID is found by those that the receiver of the packet has issued: the header does not tell its length. */
export function partsOf(hex: string, ids: readonly ConnectionIDInfo[], issuer: 'server' | 'client'): Parts {
  const rest = hex.slice(2);
  const id = ids.find((c) => c.issuer === issuer && c.id !== '' && rest.startsWith(c.id))?.id ?? '';
  return { flags: hex.slice(0, 2), id, cipher: rest.slice(id.length) };
}

const bytes = (hex: string) => hex.replace(/..(?=.)/g, '$& ');

export function Packet({ title, parts }: { title: string; parts: Parts | null }) {
  return (
    <div class="at-packet">
      <h4>{title}</h4>
      {parts ? (
        <p class="at-hex" tabIndex={0} role="group" aria-label={`${title}, in hex`}>
          <span class="at-clear">{parts.flags}</span>{' '}
          {parts.id && (
            <>
              <span class="at-id">{bytes(parts.id)}</span>{' '}
            </>
          )}
          <span class="at-cipher">{bytes(parts.cipher)}</span>
        </p>
      ) : (
        <p class="at-muted">nothing yet</p>
      )}
    </div>
  );
}
