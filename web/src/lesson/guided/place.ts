// Where in the lesson a page is: by its address, so that a step can be linked to.

/** How many steps there are; the server leads through as many. */
export const STEPS = 6;

/** The step that an address names, /lesson#3 or /lesson?step=3; the first if it names none. */
export function stepOf(fragment: string, query: string): number {
  const named = /^#([1-9])$/.exec(fragment)?.[1] ?? new URLSearchParams(query).get('step') ?? '';
  const step = /^[1-9]$/.test(named) ? Number(named) : 1;
  return step <= STEPS ? step : 1;
}

export function addressOf(step: number): string {
  return `/lesson#${step}`;
}
