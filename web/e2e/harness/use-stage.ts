import { afterAll, afterEach } from 'vitest';
import { Stage } from './stage.ts';

/** A stage for the tests of a file. It keeps evidence of a failed test and cleans up after each. */
export function useStage(): Stage {
  const stage = new Stage();
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await stage.evidence(task.name);
    await stage.clear();
  });
  afterAll(() => stage.close());
  return stage;
}
