// Shares out what may be sent among the encodings that are wanted. Pure.

export interface Demand {
  /** Bits per second that it is given even if there is not enough. */
  least: number;
  /** What it can make use of. */
  most: number;
  /** Is given all that it can use before those that are not. */
  first: boolean;
}

/** Bits per second for each. What is left after the least of all goes to those that come first, and then to the others by what they lack. */
export function shareOut(total: number, demands: readonly Demand[]): number[] {
  const shares = demands.map((d) => d.least);
  let left = total - shares.reduce((sum, s) => sum + s, 0);
  for (const first of [true, false]) {
    const lack = demands.map((d, i) => (d.first === first ? Math.max(0, d.most - (shares[i] as number)) : 0));
    const all = lack.reduce((sum, l) => sum + l, 0);
    if (left <= 0 || all === 0) continue;
    const part = Math.min(1, left / all);
    lack.forEach((l, i) => {
      shares[i] = (shares[i] as number) + l * part;
    });
    left -= all * part;
  }
  return shares;
}
