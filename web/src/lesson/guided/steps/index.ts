import type { Step } from '../step.ts';
import { ids } from './ids.tsx';
import { migration } from './migration.tsx';
import { multipath } from './multipath.tsx';
import { tcp } from './tcp.tsx';
import { validation } from './validation.tsx';
import { walk } from './walk.tsx';

/** The lesson, in order; as many as place.ts says. */
export const steps: readonly Step[] = [migration, tcp, ids, validation, walk, multipath];
