// What a step of the lesson is made of.

import type { ComponentType } from 'preact';
import type { CallEngine } from '../../call/types.ts';
import type { PartProps } from '../../dashboard/detail.tsx';
import type { Source } from '../../dashboard/explain.ts';
import type { Experiment } from './experiment.ts';
import type { Question } from './question.tsx';

export interface StepProps {
  engine: CallEngine;
  /** This page's own connection, for the dashboard's components; null until the server has told of it. */
  part: PartProps | null;
  experiment: Experiment;
  narrow: boolean;
}

export interface Step {
  title: string;
  question: Question;
  /** What to do, and what to watch meanwhile. */
  Try: ComponentType<StepProps>;
  Evidence: ComponentType<StepProps>;
  Explanation: ComponentType;
  sources: readonly Source[];
}
