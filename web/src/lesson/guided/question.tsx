// A step's question. Any answer opens the explanation; a wrong one says why it is tempting, and another may be tried.

import { useSignal } from '@preact/signals';
import { Button } from '../../ui/button.tsx';
import { Icon } from '../../ui/icons.tsx';
import { SKIPPED } from './answers.ts';

export interface Answer {
  text: string;
  /** Shown once it is chosen. */
  why: string;
  right?: boolean;
}

export interface Question {
  text: string;
  answers: readonly Answer[];
}

export interface QuestionProps {
  question: Question;
  /** The answer that was given first, maybe long ago; undefined before. */
  given: number | undefined;
  onAnswer(answer: number): void;
}

export function QuestionCard({ question, given, onAnswer }: QuestionProps) {
  const chosen = useSignal(given ?? SKIPPED);
  const answer = question.answers[chosen.value];
  return (
    <section class="card lesson-question" data-testid="lesson-question" aria-labelledby="lesson-question">
      <h3 id="lesson-question">{question.text}</h3>
      <ul>
        {question.answers.map((a, i) => {
          const on = chosen.value === i;
          return (
            <li key={a.text}>
              <button
                type="button"
                class={`lesson-answer${on ? (a.right ? ' right' : ' wrong') : ''}`}
                data-testid={`lesson-answer-${i + 1}`}
                data-right={on ? Boolean(a.right) : undefined}
                aria-pressed={on}
                onClick={() => {
                  chosen.value = i;
                  onAnswer(i);
                }}
              >
                <span class="lesson-letter" aria-hidden="true">
                  {on ? <Icon name={a.right ? 'check' : 'close'} /> : 'abc'[i]}
                </span>
                {a.text}
              </button>
            </li>
          );
        })}
      </ul>
      <div role="status">
        {answer && (
          <p class={`note ${answer.right ? 'good' : 'warn'}`}>
            <Icon name={answer.right ? 'check' : 'info'} />
            <span>
              <strong>{answer.right ? 'Yes.' : 'Not quite.'}</strong> {answer.why}
            </span>
          </p>
        )}
      </div>
      {given === undefined && (
        <Button variant="ghost" size="small" data-testid="lesson-skip" onClick={() => onAnswer(SKIPPED)}>
          Show the explanation without an answer
        </Button>
      )}
    </section>
  );
}
