// Three lanes: the same picture and sound over QUIC, over TCP and over two paths at once, and one switch for all.

import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { query } from '../../router.ts';
import { Button } from '../../ui/button.tsx';
import { formatMs } from '../../ui/format.ts';
import { Segmented } from '../../ui/segmented.tsx';
import { ThemeToggle } from '../../ui/theme-toggle.tsx';
import { Audience, type NewEngine } from './audience.ts';
import { LaneCard } from './lane-card.tsx';
import { Results } from './results.tsx';
import { BUSY_MS } from './steadiness.ts';
import { LANES, type RunStyle } from './types.ts';
import { EMULATED, networkWords, SHORT } from './words.ts';
import './compare.css';

const REPEATS = 20;

export function Compare({ newEngine }: { newEngine: NewEngine }) {
  const room = new URLSearchParams(query.value).get('room') ?? '';
  const audience = useSignal<Audience | null>(null);
  const style = useSignal<RunStyle>('walk');
  const begin = () => {
    audience.peek()?.stop();
    const made = new Audience(newEngine);
    audience.value = made;
    void made.start(room);
  };
  useEffect(() => {
    begin();
    const stop = () => audience.peek()?.stop();
    // Back out of the browser's cache, the page finds its lanes left.
    const shown = (event: PageTransitionEvent) => event.persisted && begin();
    addEventListener('pagehide', stop);
    addEventListener('pageshow', shown);
    return () => {
      removeEventListener('pagehide', stop);
      removeEventListener('pageshow', shown);
      stop();
    };
  }, [room]);
  const made = audience.value;
  return (
    <main class="compare">
      <header class="compare-head">
        <div>
          <h1>Three lanes</h1>
          <p>
            The same picture and sound, at the same moment, three ways. Walk out of Wi-Fi and see what each
            makes of it.
            {room && (
              <>
                {' '}
                From the call <b>{room}</b>.
              </>
            )}
          </p>
        </div>
        <nav aria-label="Lesson">
          <a class="btn ghost" href="/lesson">
            The lesson
          </a>
          <ThemeToggle />
        </nav>
      </header>
      {made && (
        <>
          <Controls audience={made} style={style} onAgain={begin} />
          <div class="lanes">
            {LANES.map((l) => (
              <LaneCard key={l} audience={made} name={l} />
            ))}
          </div>
          <Busy audience={made} />
          <p class="compare-emulated">
            <b>Emulated networks.</b> {(made.state.value?.networks ?? []).map(networkWords).join('. ')}.{' '}
            {EMULATED}
          </p>
          <Results audience={made} style={style.value} />
        </>
      )}
    </main>
  );
}

/** Says so if this machine itself stood still in the last run. */
function Busy({ audience }: { audience: Audience }) {
  const stood = audience.current.value?.result?.stood_ms ?? 0;
  if (stood <= BUSY_MS) return null;
  return (
    <p class="compare-busy" role="status">
      This machine is busy: pictures stood still for {formatMs(stood)} without any doing of the network. So
      may some of what froze in this run.
    </p>
  );
}

function Controls({
  audience,
  style,
  onAgain,
}: {
  audience: Audience;
  style: Signal<RunStyle>;
  onAgain: () => void;
}) {
  const stage = audience.stage.value;
  const repeating = audience.repeating.value;
  const busy = repeating !== null || !['ready', 'away'].includes(stage);
  const c = audience.state.value;
  const [from, to] = c?.networks ?? [];
  if (stage === 'failed')
    return (
      <section class="compare-controls" role="alert">
        <p class="compare-problem">{audience.problem.value}</p>
        <Button variant="primary" size="large" onClick={onAgain}>
          Begin anew
        </Button>
      </section>
    );
  return (
    <section class="compare-controls" aria-label="The switch" data-testid="compare-stage" data-stage={stage}>
      <div class="compare-switch">
        {stage === 'away' || stage === 'returning' ? (
          <Button
            variant="primary"
            icon="wifi"
            class="compare-big"
            data-testid="compare-back"
            disabled={busy}
            onClick={() => void audience.back()}
          >
            Back into {from?.title ?? 'Wi-Fi'}
          </Button>
        ) : (
          <Button
            variant="primary"
            icon={style.value === 'walk' ? 'walk' : 'bolt'}
            class="compare-big"
            data-testid="compare-walk"
            disabled={busy}
            onClick={() => void audience.walk(style.value)}
          >
            {style.value === 'walk'
              ? `Walk out of ${from?.title ?? 'Wi-Fi'}`
              : `Cut ${from?.title ?? 'Wi-Fi'} off`}
          </Button>
        )}
        <p class="compare-now" role="status">
          {(stage === 'opening' || stage === 'starting') && audience.lacking.value
            ? audience.lacking.value
            : now(stage, c?.progress ?? 0, c?.switching ?? false, from?.title ?? '', to?.title ?? '')}
        </p>
        {(stage === 'opening' || stage === 'ready') && audience.broken.value && (
          <Button variant="primary" size="large" onClick={onAgain}>
            Begin anew
          </Button>
        )}
      </div>
      <div class="compare-options">
        <Segmented
          label="How the network goes"
          value={style.value}
          disabled={busy}
          segments={[
            { value: 'walk', label: 'Walk', icon: 'walk', testid: 'compare-style-walk' },
            { value: 'hard', label: 'Cut', icon: 'bolt', testid: 'compare-style-hard' },
          ]}
          onSelect={(s) => {
            style.value = s;
          }}
        />
        <Segmented
          label="Which lane is heard"
          value={audience.heard.value}
          segments={[
            ...LANES.map((l) => ({ value: l, label: SHORT[l], testid: `hear-${l}` })),
            { value: 'none' as const, label: 'Silent', testid: 'hear-none' },
          ]}
          onSelect={(l) => {
            audience.hear(l);
            audience.unblock();
          }}
        />
        {audience.blocked.value && (
          <Button variant="outline" icon="sound" onClick={() => audience.unblock()}>
            Hear it, too
          </Button>
        )}
        {repeating ? (
          <>
            <span class="compare-progress" role="status" data-testid="compare-progress">
              {repeating.done} of {repeating.of} runs
            </span>
            <Button variant="outline" data-testid="compare-stop" onClick={() => audience.stopRepeating()}>
              Stop after this run
            </Button>
          </>
        ) : (
          <Button
            variant="outline"
            data-testid="compare-repeat"
            disabled={busy}
            onClick={() => void audience.repeat(style.value, REPEATS)}
          >
            Repeat {REPEATS} times
          </Button>
        )}
      </div>
      {audience.problem.value && (
        <p class="compare-problem" role="alert">
          {audience.problem.value}
        </p>
      )}
    </section>
  );
}

/** Where everything is, in a line. */
function now(stage: string, progress: number, walking: boolean, from: string, to: string): string {
  switch (stage) {
    case 'opening':
      return 'Opening three ways to the server…';
    case 'running':
      return walking
        ? `Walking: ${from} fades, ${Math.round(100 * progress)} %`
        : `${from} is gone. What now?`;
    case 'away':
      return `Out of ${from}, on ${to}.`;
    case 'returning':
      return `Back in ${from}; everything settles.`;
    default:
      return from ? `On ${from}.` : '';
  }
}
