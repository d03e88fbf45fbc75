import type { Verdict } from '../protocol/messages.gen.ts';
import { Chip } from '../ui/chip.tsx';
import type { IconName } from '../ui/icons.tsx';
import { verdictWords } from './explain.ts';

export const verdictIcons: Record<Verdict, IconName> = {
  migrated: 'route',
  rebound: 'shuffle',
  resumed: 'link',
  dropped: 'warning',
};

/** The verdict of a change, with its meaning on hover. */
export function VerdictChip({ verdict }: { verdict: Verdict }) {
  return (
    <Chip
      token={`verdict-${verdict}`}
      icon={verdictIcons[verdict] ?? 'info'}
      data-hint={verdictWords[verdict]?.meaning}
      tabIndex={0}
    >
      {verdict}
    </Chip>
  );
}

/** The verdict of a connection's last change, in the place where scripts look for it. */
export function LastVerdict({ verdict }: { verdict: Verdict | undefined }) {
  return (
    <span data-testid="verdict" data-verdict={verdict ?? ''} class="d-verdict">
      {verdict ? (
        <VerdictChip verdict={verdict} />
      ) : (
        <Chip data-hint="This connection has kept its first path so far.">no change yet</Chip>
      )}
    </span>
  );
}
