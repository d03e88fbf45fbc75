// What is remembered between visits, in localStorage; where that is blocked nothing is remembered and nothing breaks.

const PREFIX = 'roamcall.';

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + key, value);
  } catch {
    // blocked or full
  }
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** A switch that is remembered; off unless it was switched on. */
export function rememberFlag(key: string, on: boolean): void {
  if (on) remember(key, '1');
  else forget(key);
}

export function recallFlag(key: string): boolean {
  return recall(key) === '1';
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // blocked
  }
}
