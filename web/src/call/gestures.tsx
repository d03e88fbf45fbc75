// Raised hands and reactions: what lies over a tile, and the menu of reactions in the bar.

import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Emoji } from '../protocol/messages.gen.ts';
import { IconButton } from '../ui/button.tsx';
import { Icon } from '../ui/icons.tsx';
import { handText, raisedHands } from './hands.ts';
import { REACTIONS } from './reactions.ts';
import type { CallEngine } from './types.ts';

export interface OfParticipant {
  engine: CallEngine;
  /** Whose tile it is. */
  id: string;
}

/** The raised hand of a participant, with its place in the order if there are others. */
export function RaisedHand({ engine, id }: OfParticipant) {
  const place = useComputed(() => raisedHands(engine.state.value).indexOf(id) + 1);
  const all = useComputed(() => raisedHands(engine.state.value).length);
  if (place.value === 0) return null;
  return (
    <div
      class="raised-hand"
      data-testid="raised-hand"
      data-place={place.value}
      role="img"
      aria-label={handText(place.value, all.value)}
    >
      <Icon name="hand" />
      {all.value > 1 && <span>{place.value}</span>}
    </div>
  );
}

/** A participant's reactions. They are announced elsewhere. */
export function FloatingReactions({ engine, id }: OfParticipant) {
  const all = useComputed(() => engine.state.value.reactions);
  return (
    <>
      {all.value
        .filter((f) => f.participant === id)
        .map((f) => (
          <span
            key={f.at}
            class="floating-reaction"
            data-testid="floating-reaction"
            aria-hidden="true"
            style={{ '--shift': String(f.at % 4) }}
          >
            {f.emoji}
          </span>
        ))}
    </>
  );
}

const CHOICE = Object.entries(REACTIONS) as [Emoji, { name: string; label: string }][];

/** The reactions to choose from. */
export function Reactions({ onChoose }: { onChoose(emoji: Emoji): void }) {
  return (
    <div class="reactions-menu" role="group" aria-label="Reactions">
      {CHOICE.map(([emoji, { name, label }]) => (
        <button
          key={name}
          type="button"
          data-testid={`reaction-${name}`}
          aria-label={label}
          title={label}
          onClick={() => onChoose(emoji)}
        >
          {emoji}
        </button>
      ))}
    </div>
  );
}

/** The button that opens the reactions, and they. */
export function ReactionPicker({ engine }: { engine: CallEngine }) {
  const root = useRef<HTMLDivElement>(null);
  const open = useSignal(false);
  const close = () => {
    open.value = false;
    root.current?.querySelector('button')?.focus(); // the one that opened it
  };

  useEffect(() => {
    if (!open.value) return;
    root.current?.querySelector<HTMLElement>('.reactions-menu button')?.focus();
    const elsewhere = (e: Event) => {
      if (!root.current?.contains(e.target as Node)) open.value = false;
    };
    const key = (e: KeyboardEvent) => {
      if (e.key !== 'Escape') return;
      e.stopPropagation(); // it closes this and nothing else
      close();
    };
    document.addEventListener('pointerdown', elsewhere);
    document.addEventListener('focusin', elsewhere);
    document.addEventListener('keydown', key, true);
    return () => {
      document.removeEventListener('pointerdown', elsewhere);
      document.removeEventListener('focusin', elsewhere);
      document.removeEventListener('keydown', key, true);
    };
  }, [open, open.value]);

  return (
    <div ref={root} class="reactions rare">
      <IconButton
        icon="smile"
        label="React"
        class={open.value ? 'round on' : 'round'}
        size="large"
        data-testid="reactions"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      />
      {open.value && (
        <Reactions
          onChoose={(emoji) => {
            engine.react(emoji);
            close();
          }}
        />
      )}
    </div>
  );
}
