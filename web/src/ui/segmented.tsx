// One of a few, all in view: a group of buttons of which one is pressed.

import { Icon, type IconName } from './icons.tsx';

export interface Segment<T extends string> {
  value: T;
  label: string;
  icon?: IconName;
  title?: string;
  testid?: string;
  /** CSS colours of the pressed segment. */
  colour?: string;
  onColour?: string;
}

export interface SegmentedProps<T extends string> {
  label: string;
  value: T;
  segments: Segment<T>[];
  onSelect(value: T): void;
  disabled?: boolean;
  class?: string;
}

export function Segmented<T extends string>(props: SegmentedProps<T>) {
  return (
    <fieldset class={`segmented ${props.class ?? ''}`} aria-label={props.label}>
      {props.segments.map((s) => (
        <button
          key={s.value}
          type="button"
          class="segment"
          data-testid={s.testid}
          aria-pressed={s.value === props.value}
          disabled={props.disabled ?? false}
          title={s.title}
          style={{ '--segment': s.colour, '--segment-on': s.onColour }}
          onClick={() => props.onSelect(s.value)}
        >
          {s.icon && <Icon name={s.icon} />}
          <span>{s.label}</span>
        </button>
      ))}
    </fieldset>
  );
}
