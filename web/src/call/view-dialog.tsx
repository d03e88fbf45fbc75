// How one looks at the call.

import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Segmented } from '../ui/segmented.tsx';
import { toggleFullScreen } from './full-screen.ts';
import type { View } from './view.ts';

export function ViewDialog({ view, onClose }: { view: View; onClose(): void }) {
  return (
    <Dialog title="View" onClose={onClose} testid="view-dialog">
      <div class="field">
        <span class="field-label">Layout</span>
        <Segmented
          label="Layout"
          value={view.chosen.value}
          segments={[
            { value: 'grid', label: 'All alike', icon: 'grid', testid: 'layout-grid' },
            { value: 'speaker', label: 'Who speaks is large', icon: 'layout', testid: 'layout-speaker' },
          ]}
          onSelect={(layout) => view.setLayout(layout)}
        />
        <span class="field-hint">Key L. To keep somebody large, press the pin on their picture.</span>
      </div>
      <label class="check">
        <input
          type="checkbox"
          data-testid="facts"
          checked={view.facts.value}
          onChange={(e) => {
            view.facts.value = e.currentTarget.checked;
          }}
        />
        <span>
          Show what is measured of everybody <small>(key S)</small>
        </span>
      </label>
      <label class="check">
        <input
          type="checkbox"
          data-testid="say-who"
          checked={view.spoken.value}
          onChange={(e) => view.setSpoken(e.currentTarget.checked)}
        />
        <span>
          Say who speaks <small>(to a screen reader)</small>
        </span>
      </label>
      {document.fullscreenEnabled && (
        <Button
          icon="full"
          variant="outline"
          onClick={() => {
            onClose();
            toggleFullScreen();
          }}
        >
          Full screen (F)
        </Button>
      )}
    </Dialog>
  );
}
