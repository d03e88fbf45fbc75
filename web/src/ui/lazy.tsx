// Loads a part of the page when it is first shown, so that joining a call does not wait for the dashboard and its charts. A part that breaks
// breaks alone: a fault in a chart must not end a call.

import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useErrorBoundary } from 'preact/hooks';

interface Loaded<P> {
  component: ComponentType<P> | null;
  failed: boolean;
}

export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
): (props: P) => preact.JSX.Element {
  const state = signal<Loaded<P>>({ component: null, failed: false });
  let loading = false;
  const start = () => {
    if (loading || state.peek().component) return;
    loading = true;
    load().then(
      (component) => {
        state.value = { component, failed: false };
      },
      () => {
        loading = false;
        state.value = { component: null, failed: true };
      },
    );
  };
  return function Lazy(props: P) {
    const { component: Part, failed } = state.value;
    const [fault, again] = useErrorBoundary((error) => console.error('part of the page failed', error));
    if (fault) {
      return (
        <div class="loading" role="alert">
          <p>This part of the page failed.</p>
          <button type="button" class="btn outline" onClick={again}>
            Show it again
          </button>
        </div>
      );
    }
    if (Part) return <Part {...props} />;
    if (!failed) start();
    return (
      <div class="loading" role="status">
        {failed ? (
          <>
            <p>This part of the page did not load.</p>
            <button
              type="button"
              class="btn outline"
              onClick={() => {
                state.value = { component: null, failed: false };
              }}
            >
              Try again
            </button>
          </>
        ) : (
          <p>Loading…</p>
        )}
      </div>
    );
  };
}
