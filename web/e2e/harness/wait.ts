// Waiting for a state instead of for time: a probe is asked until it likes the answer. The limits are generous, because they only matter to
// a test that fails.

/** How many times as long as usual everything may take: on a machine that others keep busy E2E_PATIENCE=4, say. */
export const PATIENCE = Number(process.env.E2E_PATIENCE || 1);

/** How long a test waits for what should take well under a second. */
export const LIMIT_MS = 15_000 * PATIENCE;

const PAUSE_MS = 40;

/** Asks `probe` until `good` accepts its answer, which is returned. The error of a time-out carries the last answer. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  good: (answer: T) => boolean = Boolean,
  withinMs = LIMIT_MS,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const answer = await probe();
    if (good(answer)) return answer;
    if (performance.now() > end) {
      throw new Error(`${what}: not within ${withinMs} ms; last answer: ${JSON.stringify(answer)}`);
    }
    await pause(PAUSE_MS);
  }
}

/** For samples of something that runs; never to wait for something to happen. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
