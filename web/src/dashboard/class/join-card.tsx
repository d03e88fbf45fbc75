// How to join: the room that the presenter chose, as a code to scan and as an address to type.

import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { renderSVG } from 'uqr';
import { type CallLink, callLink } from '../../lobby/places.ts';
import { DEFAULT_ROOM, normalRoom, roomProblem } from '../../lobby/rules.ts';
import { config } from '../../server.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { recall, remember } from '../../ui/storage.ts';

const key = 'class-room';

/** What was typed; the room only if there is nothing wrong with it. */
const typed = signal(recall(key) ?? DEFAULT_ROOM);

function useLink(): { problem: string | null; room: string; link: CallLink } {
  const room = normalRoom(typed.value);
  return { room, problem: roomProblem(room), link: callLink({ room, key: '' }, location, config.value) };
}

export function JoinCard({ onLarge }: { onLarge: () => void }) {
  const { problem, room, link } = useLink();
  return (
    <section class="d-box k-join" aria-labelledby="k-join-title">
      <h2 id="k-join-title">Join</h2>
      <div class="field">
        <label for="class-room">Room</label>
        <input
          id="class-room"
          class="input"
          data-testid="class-room"
          autocomplete="off"
          spellcheck={false}
          value={typed.value}
          aria-invalid={problem !== null}
          onInput={(e) => {
            typed.value = e.currentTarget.value;
            if (roomProblem(normalRoom(typed.value)) === null) remember(key, normalRoom(typed.value));
          }}
        />
        {problem && <p class="field-error">{problem}</p>}
      </div>
      {!problem && (
        <>
          <button
            type="button"
            class="k-code"
            data-testid="join-code"
            data-url={link.url}
            aria-label={`The code to join ${room}, larger`}
            title="Show it large (Q)"
            onClick={onLarge}
          >
            <Code url={link.url} />
          </button>
          <a class="k-url" href={link.url} target="_blank" rel="noreferrer">
            {link.url}
          </a>
          <Hint link={link} />
        </>
      )}
    </section>
  );
}

/** The code so large that it can be scanned from the last row. */
export function LargeCode({ onClose }: { onClose: () => void }) {
  const { problem, room, link } = useLink();
  return (
    <Dialog title={`Join the room ${room}`} testid="large-code" onClose={onClose}>
      {problem ? (
        <p>{problem}</p>
      ) : (
        <>
          <div class="k-large-code" role="img" aria-label={`QR code of ${link.url}`}>
            <Code url={link.url} />
          </div>
          <p class="k-large-url">{link.url}</p>
          <Hint link={link} />
        </>
      )}
      <Button variant="outline" onClick={onClose}>
        Back
      </Button>
    </Dialog>
  );
}

function Code({ url }: { url: string }) {
  // The library writes nothing but squares; the text of the address does not become markup.
  const code = useMemo(() => renderSVG(url, { border: 2, ecc: 'M' }), [url]);
  return <span class="k-squares" dangerouslySetInnerHTML={{ __html: code }} />;
}

function Hint({ link }: { link: CallLink }) {
  if (link.local)
    return (
      <p class="field-hint">
        Only this machine reaches this address: the server is bound to it, or there is no network. Start it
        with <code>--addr :4433</code> to let phones in.
      </p>
    );
  if (link.warns)
    return (
      <p class="field-hint">
        The phone warns about the certificate, which the server made itself: “advanced”, then “proceed”.
      </p>
    );
  return null;
}
