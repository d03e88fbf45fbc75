// What this person answered, kept in the browser.

import { recall, remember } from '../../ui/storage.ts';
import { STEPS } from './place.ts';

/** By step, from 1: the number of the first answer that was chosen; SKIPPED if the explanation was asked for without one. */
export type Answers = Readonly<Record<number, number>>;

export const SKIPPED = -1;

const MOST = 9; // answers to a question

/** Reads what was kept. What is not as it should be is left out. */
export function parseAnswers(text: string | null): Answers {
  let kept: unknown;
  try {
    kept = JSON.parse(text ?? '');
  } catch {
    return {};
  }
  if (typeof kept !== 'object' || kept === null) return {};
  const answers: Record<number, number> = {};
  for (let step = 1; step <= STEPS; step++) {
    const answer = (kept as Record<number, unknown>)[step];
    if (Number.isInteger(answer) && (answer as number) >= SKIPPED && (answer as number) < MOST)
      answers[step] = answer as number;
  }
  return answers;
}

export function recallAnswers(): Answers {
  return parseAnswers(recall('lesson'));
}

export function keepAnswers(answers: Answers): void {
  remember('lesson', JSON.stringify(answers));
}
