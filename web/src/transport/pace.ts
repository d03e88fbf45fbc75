// How the attempts to replace a session follow each other. Pure.

/** Milliseconds, but for numbers of attempts. */
export interface Pace {
  /** Between the beginnings of attempts; the last is repeated. */
  readonly between: readonly number[];
  /** At most so many sessions are being opened at a time. */
  readonly atOnce: number;
  /** So many attempts in a row give way to the next at the same age; after them each in its turn is given twice as long as the one before. */
  readonly hasty: number;
}

/**
 * Chromium delays the openings of a page of which too many failed in the last minutes: 26, 140, 390, 990 ms for the next one. It also notices within
 * milliseconds when there is no network at all, so that nothing has to be tried in vain (connection.ts waits for it).
 */
const SPARING: Pace = {
  between: [0, 250, 250, 250, 250, 500, 500, 1_000, 1_000, 2_000],
  atOnce: 2,
  hasty: 0,
};

/**
 * Firefox does not delay any, and does not say that there is no network: an opening that was begun in vain repeats its first packet after 0.3, 0.9 and 2.1 s,
 * so what brings a call back soon after a network has come up is an opening that begins then.
 */
const EAGER: Pace = {
  between: [0, ...Array<number>(20).fill(150), 250, 250, 500, 1_000, 2_000],
  atOnce: 4,
  hasty: 20,
};

/** The pace for this browser; navigator.userAgentData is Chromium's. */
export function paceOf(navigator: object): Pace {
  return 'userAgentData' in navigator ? SPARING : EAGER;
}

/** An attempt of this age gives way to the next, ... */
const GIVES_WAY_MS = 500;
/** ... and in the end of this one: an opening repeats what it sends after 0.3, 0.9, 2.1 and 4.5 s. */
const GIVES_WAY_MOST_MS = 4_600;
const GIVES_WAY_RTTS = 6; // three times what the opening of a session takes

/** At what age the oldest attempt gives way, ms, after `gaveWay` have. */
export function patience(pace: Pace, gaveWay: number, rtt: number): number {
  const usual = Math.max(GIVES_WAY_MS, GIVES_WAY_RTTS * rtt);
  return Math.min(usual * 2 ** Math.max(0, gaveWay - pace.hasty), Math.max(usual, GIVES_WAY_MOST_MS));
}

/** How long after the beginning of attempt n - 1 attempt n begins, ms. */
export function between(pace: Pace, n: number): number {
  return pace.between[Math.min(n, pace.between.length - 1)] as number;
}
