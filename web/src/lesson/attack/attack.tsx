// /lesson/attack: what protects a call from somebody on its way. The call is the page's own, the attacker is a part of its lab link, and everything shown
// was counted there or told by the server.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { CallEngine, CallState } from '../../call/types.ts';
import { createTimeControl } from '../../dashboard/controller.ts';
import '../../dashboard/dashboard.css';
import { PictureSection, showEvent, TimeSection } from '../../dashboard/detail.tsx';
import { sourceText, sourceURL } from '../../dashboard/explain.ts';
import { Hints } from '../../dashboard/hint.tsx';
import { networkTitle } from '../../dashboard/links.ts';
import { EventLog } from '../../dashboard/log.tsx';
import { ownPath } from '../../dashboard/own.ts';
import type { Connection, State } from '../../dashboard/store.ts';
import { parseTime } from '../../dashboard/time.ts';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icons.tsx';
import { ThemeToggle } from '../../ui/theme-toggle.tsx';
import { OwnPicture, useOwnCall } from '../own-call.tsx';
import './attack.css';
import { type Case, cases } from './cases.ts';
import { Evidence } from './evidence.tsx';
import { factsOf, movedOf } from './facts.ts';
import { freezeWords, outcomeOf } from './outcome.ts';
import { type Attacks, createAttacks } from './run.ts';

export function Attack({ engine }: { engine: CallEngine }) {
  useOwnCall(engine, 'You');
  const live = useMemo(() => ownPath(engine), [engine]);
  const control = useMemo(() => createTimeControl(live.now), [live]);
  const attacks = useMemo(() => createAttacks(engine), [engine]);
  useEffect(() => () => attacks.close(), [attacks]);
  useTick(500);
  const narrow = useNarrow();

  const call = engine.state.value;
  const state = live.state.value;
  const run = attacks.run.value;
  const link = call.link ?? undefined;
  // What the engine has at first is the call of the page before, which is over.
  const before = useRef(call.connection).current;
  const known = call.connection === before ? undefined : state.connections.get(call.connection);
  // Of another connection the server tells a moment later: until then the last one.
  const last = useRef(known);
  if (known) last.current = known;
  const connection = known ?? last.current;
  const problem = attacks.problem.value || obstacle(call);

  const events = useEvents(state);
  const facts = useMemo(() => (run ? factsOf(run.attack, events) : null), [run, events]);
  const moved = useMemo(
    () => (run?.moved ? movedOf(run.attack, events, run.moved.at, run.moved.connection) : null),
    [run, events],
  );
  const freezes = {
    count: call.freezes - (run?.before.freezes ?? call.freezes),
    ms: call.frozenMs - (run?.before.frozenMs ?? call.frozenMs),
  };
  const over = call.phase === 'failed' || call.phase === 'left';
  const standing = { now: live.now(), over: over ? (call.failure?.message ?? 'It is over.') : '' };
  const outcome = run && facts ? outcomeOf(run.attack, facts, freezes, moved, standing) : null;
  const shown = cases.find((c) => c.kind === run?.kind);
  const part = connection && { state, connection, link, control, now: live.now };
  return (
    <main class="at-page d-board">
      <header class="at-head">
        <a class="btn ghost" href="/lesson">
          <Icon name="route" />
          The lesson
        </a>
        <h1>What protects you</h1>
        <span class="d-grow" />
        <ThemeToggle />
      </header>
      <p class="at-intro">
        Somebody on the way copies the packets of this call, and has a faster way to the server. The attacker
        is a part of the lab; the packets, their encryption and the path validation are real.
      </p>
      {problem && (
        <p class="note warn" role="alert" data-testid="attack-problem">
          <Icon name="warning" />
          <span>{problem}</span>
        </p>
      )}
      <div class="at-cases">
        {cases.map((c) => (
          <CaseCard
            key={c.kind}
            of={c}
            attacks={attacks}
            able={call.phase === 'connected' && !obstacle(call)}
            now={live.now()}
          />
        ))}
      </div>
      {outcome && (
        <div
          class={`at-outcome ${outcome.tone}`}
          data-testid="attack-outcome"
          data-state={outcome.state}
          data-kind={run?.kind}
          data-freezes={freezes.count}
          data-resumed-ms={moved?.backMs ?? ''}
          data-returned-ms={facts?.backMs ?? ''}
        >
          <strong role="status">{outcome.title}</strong>
          <p>{outcome.text}</p>
        </div>
      )}
      <div class="at-live">
        <section class="card at-call" aria-label="The call">
          <OwnPicture engine={engine} />
          {run && (
            <p class="at-muted" data-testid="attack-freezes" data-freezes={freezes.count}>
              Since this attack began: {freezeWords(freezes)}.
            </p>
          )}
        </section>
        <section class="at-paths" aria-label="The paths of your connection">
          {part ? (
            <PictureSection {...part} narrow={narrow} />
          ) : (
            <p class="at-muted">Waiting for the server to tell about this connection…</p>
          )}
        </section>
      </div>
      {run && facts && (
        <Evidence
          kind={run.kind}
          running={run.attack.running}
          facts={facts}
          ids={[...state.connections.values()].flatMap((c) => c.snapshot.connection_ids)}
        />
      )}
      {shown && <Why of={shown} />}
      {part && (
        <div class="at-time">
          <section aria-label="In time">
            <TimeSection {...part} narrow={narrow} big={false} charts={false} maxPaths={5} />
          </section>
          <EventLog
            state={state}
            connection={part.connection.id}
            own
            narrow={narrow}
            title={(network) => networkTitle(network, link)}
            onShow={(event) => showEvent(control, event)}
          />
        </div>
      )}
      <Hints />
    </main>
  );
}

/** Why nothing can be shown here; '' if something can. */
function obstacle(call: CallState): string {
  if (call.phase === 'idle' || call.phase === 'connecting') return '';
  if (call.phase === 'failed') return call.failure?.message ?? 'This page has no call.';
  if (call.transport === 'websocket') {
    return 'This call goes over TCP, because UDP does not pass here or the browser has no WebTransport. TCP knows a connection by its addresses: there is no path validation to be shown.';
  }
  if (!call.link) {
    return (
      call.linkProblem ||
      'This server runs without the lab (--no-lab), so there is no emulated network in which an attacker could sit.'
    );
  }
  if (!call.link.emulated) {
    return 'This page comes from a companion, whose networks are real: the attacker is a part of the emulated ones. Open the page from the server itself.';
  }
  return '';
}

interface CaseProps {
  of: Case;
  attacks: Attacks;
  able: boolean;
  now: number;
}

function CaseCard({ of: { kind, title, tries }, attacks, able, now }: CaseProps) {
  const run = attacks.run.value;
  const busy = attacks.busy.value;
  const running = run?.attack.running === true;
  const here = run?.kind === kind;
  const left = run?.attack.ends ? Math.max(0, Math.ceil((parseTime(run.attack.ends) - now) / 1000)) : 0;
  return (
    <section class={`card at-case${here ? ' here' : ''}`} aria-label={title}>
      <h2>{title}</h2>
      <p>{tries}</p>
      <div class="at-buttons">
        {running && here ? (
          <>
            <Button
              variant="danger"
              size="large"
              icon="close"
              data-testid="attack-stop"
              disabled={busy}
              onClick={() => attacks.stop()}
            >
              Stop
            </Button>
            {kind === 'three' && (
              <Button
                variant="primary"
                size="large"
                icon="shuffle"
                data-testid="attack-rebind"
                disabled={busy || !able}
                onClick={() => attacks.rebind()}
              >
                Change my address
              </Button>
            )}
            <span class="at-muted">stops by itself in {left} s</span>
          </>
        ) : (
          <Button
            variant="primary"
            size="large"
            icon="play"
            data-testid={`attack-${kind}`}
            disabled={busy || !able || running}
            onClick={() => attacks.start(kind)}
          >
            {here ? 'Start again' : 'Start'}
          </Button>
        )}
      </div>
    </section>
  );
}

function Why({ of: { title, why, sources } }: { of: Case }) {
  return (
    <section class="card at-why" aria-label={`Why: ${title}`}>
      <h2>Why</h2>
      <div class="at-reasons">
        {why.map((text) => (
          <p key={text}>{text}</p>
        ))}
      </div>
      <ul class="at-sources">
        {sources.map((s) => (
          <li key={s.section}>
            <a href={sourceURL(s)} target="_blank" rel="noreferrer">
              {sourceText(s)}
            </a>{' '}
            {s.about}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** All events of this participant's connections, in order; the same array until something happens. */
function useEvents(state: State) {
  return useMemo(
    () => [...state.connections.values()].flatMap((c: Connection) => c.events).sort((a, b) => a.id - b.id),
    [state.taken],
  );
}

/** Draws again every so often, for what counts down. */
function useTick(ms: number): void {
  const tick = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => tick.value++, ms);
    return () => clearInterval(timer);
  }, [ms]);
  tick.value;
}

function useNarrow(): boolean {
  const query = useMemo(() => matchMedia('(max-width: 760px)'), []);
  const narrow = useSignal(query.matches);
  useEffect(() => {
    const change = () => {
      narrow.value = query.matches;
    };
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, [query]);
  return narrow.value;
}
