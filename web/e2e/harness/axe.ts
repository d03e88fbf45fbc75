// Accessibility, checked by axe-core (https://github.com/dequelabs/axe-core) within the page.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Person } from './person.ts';

const SOURCE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Violation {
  id: string;
  impact: string | null;
  help: string;
  nodes: { target: string[]; failureSummary: string }[];
}

/** What axe finds on the page as it is now that is serious or critical, a line each. */
export async function seriousFindings({ page }: Person): Promise<string[]> {
  await page.evaluate(await readFile(SOURCE, 'utf8'));
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations;
  });
  return violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
}
