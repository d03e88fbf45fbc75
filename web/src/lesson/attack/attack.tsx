import type { CallEngine } from '../../call/types.ts';

export function Attack({ engine }: { engine: CallEngine }) {
  return <main>{engine.state.value.phase}</main>;
}
