import type { ConnectionSnapshot } from '../protocol/messages.gen.ts';
import { group } from './ids.ts';

/** The connection IDs of both directions, with their life: ready, in use, retired. */
export function ConnectionIDs({ snapshot }: { snapshot: ConnectionSnapshot }) {
  if (snapshot.transport === 'websocket') {
    return <p class="d-muted">TCP: no connection IDs, no path validation.</p>;
  }
  return (
    <div class="d-ids">
      {(['server', 'client'] as const).map((issuer) => {
        const g = group(snapshot.connection_ids, issuer);
        return (
          <div key={issuer} class="d-id-group">
            <h4 data-hint={g.hint} tabIndex={0}>
              {g.title} <span class="d-muted">· issued by the {issuer}</span>
            </h4>
            <ul>
              {g.hidden > 0 && <li class="d-muted">{g.hidden} older retired</li>}
              {g.chips.map((chip) => (
                <li key={chip.key}>
                  <button
                    type="button"
                    class={`d-id d-id-${chip.state}`}
                    data-hint={chip.hint}
                    data-testid="cid"
                    data-issuer={issuer}
                    data-sequence={chip.sequence}
                    data-state={chip.state}
                    data-cid={chip.hex}
                  >
                    <span class="d-id-seq">{chip.sequence}</span>
                    <span class="d-id-hex">{chip.text}</span>
                    <span class="d-id-word">{chip.word}</span>
                  </button>
                </li>
              ))}
              {g.chips.length === 0 && <li class="d-muted">none seen yet</li>}
            </ul>
          </div>
        );
      })}
    </div>
  );
}
