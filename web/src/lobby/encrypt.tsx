// The switch for encryption from end to end. The key is in the address and nowhere else: turning the switch on puts a new one there, and a link that has one has
// turned it on.

import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { fragmentOf, keyOf, newKey } from '../call/key.ts';
import { fragment, setFragment } from '../router.ts';
import { Icon } from '../ui/icons.tsx';

/** The key in the address: '' if there is none, null if it is malformed. */
export function useKey(): ReadonlySignal<string | null> {
  return useComputed(() => keyOf(fragment.value));
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

/** For a link that was cut off, say. Joining without the key would not be what the link promised. */
export function KeyProblem() {
  return (
    <div class="note bad" role="alert" data-testid="key-problem">
      <Icon name="warning" />
      <div>
        <strong>The key in this link is not complete.</strong>
        This call is encrypted. Ask for the link again, all of it: the key is what follows the #.
      </div>
    </div>
  );
}
