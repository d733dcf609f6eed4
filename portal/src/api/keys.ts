/**
 * Idempotency keys. One attempt of one thing keeps its key until it has an answer, so that a double click, a second try
 * after a lost answer or a reload of the page asks for the same thing again instead of for another one.
 */
const PREFIX = "rathaus.key.";
const remembered = new Map<string, string>();

/** The key of an attempt, kept over a reload. `attempt` must name everything the request says, and no personal data. */
export function keyOf(attempt: string): string {
  const name = PREFIX + attempt;
  const kept = localStorage.getItem(name);
  if (kept) return kept;
  const key = crypto.randomUUID();
  localStorage.setItem(name, key);
  return key;
}

/** The attempt has its answer: the next one is another. */
export function settle(attempt: string): void {
  localStorage.removeItem(PREFIX + attempt);
}

/** Forgets all attempts, at sign-out. */
export function forgetKeys(): void {
  for (const name of Object.keys(localStorage)) if (name.startsWith(PREFIX)) localStorage.removeItem(name);
  remembered.clear();
}

/** A key for a request that holds what must not be stored (a password, a file): it lives as long as the page. */
export function passingKeyOf(attempt: string): string {
  const kept = remembered.get(attempt);
  if (kept) return kept;
  const key = crypto.randomUUID();
  remembered.set(attempt, key);
  return key;
}

export function settlePassing(attempt: string): void {
  remembered.delete(attempt);
}
