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

export function forget(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // blocked
  }
}
