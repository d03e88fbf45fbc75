// The list of keys.

import { Dialog } from '../ui/dialog.tsx';
import { HELP } from './shortcuts.ts';

export function HelpDialog({ onClose }: { onClose(): void }) {
  return (
    <Dialog title="Keys" onClose={onClose} testid="help">
      <dl class="keys">
        {HELP.map(({ keys, what }) => (
          <div key={what}>
            <dt>
              {keys.map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
