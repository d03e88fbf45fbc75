// Buttons. An icon-only button always has a label, which is its accessible name and its tooltip.

import type { ComponentChildren, HTMLAttributes } from 'preact';
import { Icon, type IconName } from './icons.tsx';

type Native = Omit<HTMLAttributes<HTMLButtonElement>, 'class' | 'icon' | 'label' | 'role' | 'title'>;

export interface ButtonProps extends Native {
  variant?: 'primary' | 'danger' | 'ghost' | 'outline' | 'plain';
  size?: 'small' | 'large';
  icon?: IconName;
  type?: 'button' | 'submit';
  disabled?: boolean;
  class?: string | undefined;
  title?: string | undefined;
  children?: ComponentChildren;
}

export function Button({
  variant,
  size,
  icon,
  class: extra,
  type = 'button',
  children,
  ...rest
}: ButtonProps) {
  const classes = ['btn', variant === 'plain' ? '' : variant, size, extra].filter(Boolean).join(' ');
  return (
    <button {...rest} type={type} class={classes}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ButtonProps, 'children'> {
  icon: IconName;
  label: string;
}

export function IconButton({ label, class: extra, ...rest }: IconButtonProps) {
  return (
    <Button
      {...rest}
      aria-label={label}
      title={rest.title ?? label}
      class={['icon-only', extra].filter(Boolean).join(' ')}
    />
  );
}
