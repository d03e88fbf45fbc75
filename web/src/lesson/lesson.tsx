import type { CallEngine } from '../call/types.ts';

export function Lesson({ engine }: { engine: CallEngine }) {
  return <main>{engine.state.value.phase}</main>;
}
