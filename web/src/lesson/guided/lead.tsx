// One page leads, the others follow: the server holds the step and tells everybody, over the control stream of their calls.

import { type Signal, useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { api, type ServerConfig } from '../../api.ts';
import type { CallEngine } from '../../call/types.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icons.tsx';
import { toast } from '../../ui/toast.tsx';
import { Leading } from './leading.ts';

export interface Lead {
  /** The step that the class is at; 0: nobody leads. */
  readonly led: number;
  /** This page may lead. */
  readonly operator: boolean;
  /** This page does. */
  readonly leads: Signal<boolean>;
  /** Moves the class to a step, 0: lets it go. */
  set(step: number): void;
}

/** `follow` is called when somebody else moves the class. */
export function useLead(engine: CallEngine, follow: (step: number) => void): Lead {
  const operator = useSignal(false);
  const leads = useSignal(false);
  const led = useComputed(() => engine.state.value.lesson).value;
  const before = useRef(0);
  const sent = useMemo(
    () =>
      new Leading(
        (step) => api('/api/lesson', { method: 'PUT', body: { step: step || null } }),
        (error) => {
          leads.value = false;
          toast(error.message, 'warning');
        },
      ),
    [],
  );
  useEffect(() => {
    api<ServerConfig>('/api/config').then(
      (config) => (operator.value = config.operator),
      () => undefined, // the call says that the server cannot be reached
    );
  }, []);
  useEffect(() => {
    const moved = led !== before.current;
    before.current = led;
    if (!moved || sent.told(led)) return;
    const wasLeading = leads.peek();
    leads.value = false;
    if (led === 0) return;
    follow(led);
    toast(
      wasLeading
        ? `Another presenter leads now, and moved the class to step ${led}.`
        : `The presenter moved the class to step ${led}.`,
      'people',
    );
  }, [led]);
  const set = (step: number) => {
    leads.value = step > 0;
    sent.set(step);
  };
  return { led, operator: operator.value, leads, set };
}

export function LeadBar({ lead, step, onBack }: { lead: Lead; step: number; onBack: () => void }) {
  const { led, operator, leads } = lead;
  if (leads.value) {
    return (
      <div class="lesson-bar leads">
        <Icon name="people" />
        <p>You lead: every lesson page is moved to the step that you go to.</p>
        <Button
          variant="outline"
          size="small"
          data-testid="lesson-lead"
          aria-pressed={true}
          onClick={() => lead.set(0)}
        >
          Stop leading
        </Button>
      </div>
    );
  }
  if (led === 0) return null;
  return (
    <div class="lesson-bar" data-testid="lesson-led" data-step={led}>
      <Icon name="people" />
      <p>
        {led === step
          ? `The presenter leads: the class is here, at step ${led}.`
          : `The class is at step ${led}. Look around as long as you like.`}
      </p>
      {led !== step && (
        <Button variant="primary" size="small" data-testid="lesson-back" onClick={onBack}>
          Back to the class
        </Button>
      )}
      {operator && (
        <>
          <Button variant="outline" size="small" data-testid="lesson-lead" onClick={() => lead.set(step)}>
            Lead from here
          </Button>
          <Button variant="ghost" size="small" onClick={() => lead.set(0)}>
            Let the class go
          </Button>
        </>
      )}
    </div>
  );
}
