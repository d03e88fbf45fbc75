// "Join from your phone": the server's address as others reach it, as a QR code and in words.

import { useMemo } from 'preact/hooks';
import { renderSVG } from 'uqr';
import { config } from '../server.ts';
import { Button } from '../ui/button.tsx';
import { copyText } from '../ui/copy.ts';
import { callLink } from './places.ts';

export function PhoneCard({ call }: { call: { room: string; key: string } }) {
  const link = callLink(call, location, config.value);
  // The library writes nothing but squares; the text of the address does not become markup.
  const code = useMemo(() => renderSVG(link.url, { border: 2, ecc: 'M' }), [link.url]);
  if (!config.value || link.local) return null;
  return (
    <section class="card phone" aria-labelledby="phone-title">
      <div
        class="qr"
        role="img"
        aria-label={`QR code of ${link.url}`}
        dangerouslySetInnerHTML={{ __html: code }}
      />
      <div class="phone-words">
        <h2 id="phone-title">Join from your phone</h2>
        <p>
          {link.lan ? 'On the same network, point' : 'Point'} the phone's camera at the code, or open
          <br />
          <a class="phone-url" href={link.url} data-testid="lan-url">
            {link.url}
          </a>
        </p>
        {link.warns && (
          <p class="field-hint">
            The phone will warn about the certificate: the server made it itself, or it is for another
            address, so no authority vouches for it here. Choose “advanced”, then “proceed”.
          </p>
        )}
        <Button size="small" variant="outline" icon="copy" onClick={() => void copyText(link.url)}>
          Copy address
        </Button>
      </div>
    </section>
  );
}
