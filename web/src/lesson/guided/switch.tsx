// The one button of a step that changes the network of this page's own call.

import { useComputed } from '@preact/signals';
import type { CallEngine, SwitchStyle } from '../../call/types.ts';
import { networkNumbers } from '../../call/words.ts';
import { Button } from '../../ui/button.tsx';
import { formatRate, formatShare } from '../../ui/format.ts';
import { Icon } from '../../ui/icons.tsx';
import { networkIcon } from '../../ui/networks.ts';
import { active, other, whyNot } from './switching.ts';

export function Switch({ engine, style }: { engine: CallEngine; style: SwitchStyle }) {
  const link = useComputed(() => engine.state.value.link).value;
  const why = useComputed(() => whyNot(engine.state.value, style)).value;
  const from = link && active(link);
  const to = link && other(link);
  if (why || !from || !to) {
    return (
      <p class="note warn" data-testid="lesson-cannot">
        <Icon name="info" />
        <span>{why}</span>
      </p>
    );
  }
  const walking = link.switching && link.style === 'walk';
  return (
    <div class="lesson-switch">
      <Button
        variant="primary"
        size="large"
        icon={style === 'walk' ? 'walk' : networkIcon(to.name)}
        data-testid="lesson-try"
        data-network={to.name}
        disabled={link.switching}
        onClick={() => engine.switchNetwork(to.name, style)}
      >
        {style === 'walk' ? `Walk out of ${from.title}` : `Switch to ${to.title}`}
      </Button>
      {walking ? (
        <p class="lesson-walk">
          <progress max={1} value={link.progress} aria-label="Way out of range" />
          <span>
            {from.title} loses <b>{formatShare(from.loss_now)}</b>, and carries{' '}
            <b>{formatRate(from.rate_now)}</b>
          </span>
        </p>
      ) : (
        <p>
          Now: <b>{from.title}</b>
          {link.emulated && `, emulated: ${networkNumbers(from).join(', ')}`}
        </p>
      )}
    </div>
  );
}
