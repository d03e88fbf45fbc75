// A chip: one short fact in its colour.

import type { ComponentChildren, HTMLAttributes } from 'preact';
import { Icon, type IconName } from './icons.tsx';
import { networkColours, networkIcon } from './networks.ts';

export interface ChipProps extends Omit<HTMLAttributes<HTMLSpanElement>, 'class' | 'icon'> {
  /** A token without '--', e.g. 'path-active' or 'verdict-rebound': text in it, ground in its '-soft'. */
  token?: string;
  icon?: IconName;
  class?: string | undefined;
  children?: ComponentChildren;
}

export function Chip({ token, icon, children, class: extra, ...rest }: ChipProps) {
  const style = token ? { '--chip': `var(--${token})`, '--chip-soft': `var(--${token}-soft)` } : {};
  return (
    <span {...rest} class={extra ? `chip ${extra}` : 'chip'} style={style}>
      {icon && <Icon name={icon} />}
      {children}
    </span>
  );
}

/** A network by name, with its icon and colour. */
export function NetworkChip({
  network,
  title,
  ...rest
}: { network: string; title?: string } & Omit<ChipProps, 'token' | 'title'>) {
  const { colour, soft } = networkColours(network);
  return (
    <span {...rest} class="chip" style={{ '--chip': colour, '--chip-soft': soft }}>
      <Icon name={networkIcon(network)} />
      {title ?? network}
    </span>
  );
}
