// /lesson: six steps, each with a question, something to try, what the server saw of it, and why. One call goes on through all of them.

import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { CallEngine } from '../call/types.ts';
import { createTimeControl } from '../dashboard/controller.ts';
import '../dashboard/dashboard.css';
import { Hints } from '../dashboard/hint.tsx';
import { ownPath } from '../dashboard/own.ts';
import { current } from '../dashboard/panel.tsx';
import { fragment, navigate, query } from '../router.ts';
import { Button } from '../ui/button.tsx';
import { Icon, Mark } from '../ui/icons.tsx';
import { recall } from '../ui/storage.ts';
import { ThemeToggle } from '../ui/theme-toggle.tsx';
import { type Answers, keepAnswers, recallAnswers, SKIPPED } from './guided/answers.ts';
import { CallFacts } from './guided/call-facts.tsx';
import { createExperiment } from './guided/experiment.ts';
import { LeadBar, useLead } from './guided/lead.tsx';
import { Sources } from './guided/parts.tsx';
import { addressOf, STEPS, stepOf } from './guided/place.ts';
import { QuestionCard } from './guided/question.tsx';
import type { Step } from './guided/step.ts';
import { steps } from './guided/steps/index.ts';
import './guided/lesson.css';
import { OwnPicture, useOwnCall } from './own-call.tsx';

export function Lesson({ engine }: { engine: CallEngine }) {
  useOwnCall(
    engine,
    useMemo(() => recall('name') || 'Learner', []),
  );
  const at = useComputed(() => stepOf(fragment.value, query.value)).value;
  const answers = useSignal<Answers>(useMemo(recallAnswers, []));
  const lead = useLead(engine, (step) => navigate(addressOf(step), { replace: true }));
  const go = (step: number) => {
    if (step < 1 || step > STEPS || step === at) return;
    navigate(addressOf(step));
    if (lead.leads.peek()) lead.set(step);
  };
  useArrows((by) => go(at + by));
  const answer = (step: number, choice: number) => {
    if (answers.peek()[step] !== undefined) return;
    answers.value = { ...answers.peek(), [step]: choice };
    keepAnswers(answers.value);
  };
  return (
    <div class="lesson">
      <header class="lesson-head">
        <a class="brand" href="/">
          <Mark size={30} />
          <span>Roamcall</span>
        </a>
        <h1>How a call survives a change of network</h1>
        <div class="lesson-tools">
          {lead.operator && lead.led === 0 && !lead.leads.value && (
            <Button
              variant="outline"
              size="small"
              icon="people"
              data-testid="lesson-lead"
              onClick={() => lead.set(at)}
            >
              Lead the class
            </Button>
          )}
          <ThemeToggle />
        </div>
        <Steps at={at} answers={answers.value} go={go} />
      </header>
      <LeadBar lead={lead} step={at} onBack={() => navigate(addressOf(lead.led))} />
      <main class="lesson-main">
        <aside class="lesson-call" aria-label="The call of this page">
          <OwnPicture engine={engine} />
          <CallFacts engine={engine} />
        </aside>
        <Page
          key={at}
          engine={engine}
          at={at}
          given={answers.value[at]}
          score={score(answers.value)}
          onAnswer={answer}
          go={go}
        />
      </main>
      <Hints />
    </div>
  );
}

function Steps({ at, answers, go }: { at: number; answers: Answers; go: (step: number) => void }) {
  return (
    <nav class="lesson-steps" aria-label="Steps of the lesson">
      <ol>
        {steps.map((s, i) => (
          <li key={s.title}>
            <button
              type="button"
              aria-current={at === i + 1 ? 'step' : undefined}
              title={s.title}
              data-testid={`lesson-go-${i + 1}`}
              onClick={() => go(i + 1)}
            >
              <span class="lesson-number" aria-hidden="true">
                {answers[i + 1] === undefined ? i + 1 : <Icon name="check" />}
              </span>
              <span class="lesson-step-title">
                <span class="sr-only">Step {i + 1}: </span>
                {s.title}
                {answers[i + 1] !== undefined && <span class="sr-only"> (done)</span>}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** How many questions were answered rightly at the first try; '' before all are. */
function score(answers: Answers): string {
  if (steps.some((_, i) => answers[i + 1] === undefined)) return '';
  const right = steps.filter((s, i) => s.question.answers[answers[i + 1] ?? SKIPPED]?.right).length;
  return `That was the lesson: ${right} of ${STEPS} right at the first try.`;
}

interface PageProps {
  engine: CallEngine;
  at: number;
  given: number | undefined;
  score: string;
  onAnswer(step: number, choice: number): void;
  go(step: number): void;
}

const experiment = createExperiment(); // what it showed stays while the learner looks at other steps

/** One step. */
function Page({ engine, at, given, score, onAnswer, go }: PageProps) {
  const step = steps[at - 1] as Step;
  const live = ownPath(engine);
  const control = useMemo(() => createTimeControl(live.now), [live]);
  const heading = useRef<HTMLHeadingElement>(null);
  const narrow = useNarrow();
  useEffect(() => {
    // A screen reader goes on with the step; who has just opened the page begins with the page.
    if (document.activeElement !== document.body) heading.current?.focus({ preventScroll: true });
  }, []);
  const id = useComputed(() => engine.state.value.connection).value;
  const link = useComputed(() => engine.state.value.link).value ?? undefined;
  const state = live.state.value;
  const connection = current(state, id);
  const part = connection ? { state, connection, link, control, now: live.now } : null;
  const props = { engine, part, experiment, narrow };
  return (
    <article class="lesson-page" data-testid="lesson-step" data-step={at}>
      <p class="lesson-count">
        Step {at} of {STEPS}
      </p>
      <h2 ref={heading} tabIndex={-1}>
        {step.title}
      </h2>
      <QuestionCard question={step.question} given={given} onAnswer={(choice) => onAnswer(at, choice)} />
      <section class="card lesson-try" aria-labelledby="lesson-try">
        <h3 id="lesson-try">Try it</h3>
        <step.Try {...props} />
      </section>
      <section
        class="lesson-evidence d-panel"
        data-testid="lesson-evidence"
        aria-labelledby="lesson-evidence"
      >
        <h3 id="lesson-evidence">What the server saw</h3>
        <step.Evidence {...props} />
      </section>
      {given !== undefined && (
        <section class="card lesson-why" data-testid="lesson-explanation" aria-labelledby="lesson-why">
          <h3 id="lesson-why">Why it is so</h3>
          <step.Explanation />
          <Sources sources={step.sources} />
        </section>
      )}
      <footer class="lesson-foot">
        <Button
          variant="outline"
          size="large"
          icon="chevron-left"
          data-testid="lesson-previous"
          disabled={at === 1}
          onClick={() => go(at - 1)}
        >
          Previous
        </Button>
        {at < STEPS ? (
          <Button variant="primary" size="large" data-testid="lesson-next" onClick={() => go(at + 1)}>
            Next: {steps[at]?.title}
            <Icon name="chevron-right" />
          </Button>
        ) : (
          <p>
            {score || 'That was the lesson.'} Go on with <a href="/lesson/compare">three ways side by side</a>
            , <a href="/lesson/attack">an attacker on the path</a>, or <a href="/">a call</a> of your own.
          </p>
        )}
      </footer>
    </article>
  );
}

/** The arrow keys go from step to step, unless what has the focus has a use for them. */
function useArrows(move: (by: number) => void): void {
  const latest = useRef(move);
  latest.current = move;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey)
        return;
      if ((event.target as Element | null)?.closest?.('input, textarea, select, dialog, [contenteditable]'))
        return;
      event.preventDefault();
      latest.current(by);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

/** Whether the drawings of the dashboard are to be those for small windows. */
function useNarrow(): boolean {
  const query = useMemo(() => matchMedia('(max-width: 719px)'), []);
  const narrow = useSignal(query.matches);
  useEffect(() => {
    const change = () => {
      narrow.value = query.matches;
    };
    query.addEventListener('change', change);
    return () => query.removeEventListener('change', change);
  }, []);
  return narrow.value;
}
