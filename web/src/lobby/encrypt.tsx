// The switch for encryption from end to end. The key is in the address and nowhere else: turning the switch on puts a new one there, and a link that has one has
// turned it on.

import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { fragmentOf, keyOf, keyWasSent, newKey } from '../call/key.ts';
import { fragment, onlyPath, query, setFragment } from '../router.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icons.tsx';

/** The key in the address: '' if there is none, null if it is damaged. */
export function useKey(): ReadonlySignal<string | null> {
  return useComputed(() => keyOf(fragment.value, query.value));
}

export function EncryptSwitch({ secret, able }: { secret: string; able: boolean }) {
  const made = useSignal(''); // here; a key that came with the link is not ours to take back
  const on = secret !== '';
  const given = on && secret !== made.value;
  const turn = () => {
    made.value = on ? '' : newKey();
    setFragment(fragmentOf(made.value));
  };
  return (
    <div class="field">
      <button
        type="button"
        role="switch"
        class="switch"
        data-testid="encrypt"
        aria-checked={on}
        aria-describedby="encrypt-hint"
        disabled={!able || given}
        onClick={turn}
      >
        <span class="switch-track" aria-hidden="true" />
        <Icon name={on ? 'lock' : 'lock-open'} />
        End-to-end encryption
      </button>
      <span id="encrypt-hint" class="field-hint" data-testid="encrypt-hint">
        {given
          ? 'On: the key came with your link. The server cannot see or hear this call.'
          : on
            ? 'On: the link has a key now. Only who gets all of it can see and hear, and the server cannot.'
            : 'Off: the server passes on what it could see and hear.'}
      </span>
    </div>
  );
}

/** For a link that was cut off, say. Joining without the key would not be what the link promised, so it has to be asked for. */
export function KeyProblem() {
  return (
    <div class="note bad" role="alert" data-testid="key-problem">
      <Icon name="warning" />
      <div>
        <strong>This link’s key is damaged: ask for the link again.</strong>
        {keyWasSent(query.value)
          ? 'It stood behind a ?, so it was sent to the server. Nobody should use this key any more: start a call with another one.'
          : 'The call is encrypted, and the key in the link is not complete or not as it was made: it is what follows #key= at the end.'}
        <p>
          <Button type="button" data-testid="without-key" onClick={onlyPath}>
            Go on without encryption
          </Button>
        </p>
      </div>
    </div>
  );
}
