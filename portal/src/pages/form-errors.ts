import { useState } from "preact/hooks";
import type { Problem } from "../api/problem.ts";
import type { SummaryError } from "../forms/error-summary.tsx";

interface Errors {
  readonly list: readonly SummaryError[];
  /** Rises with each try, so that the summary takes the focus each time. */
  readonly attempt: number;
  /** Shows what is wrong; true when nothing is. */
  readonly show: (errors: readonly SummaryError[]) => boolean;
  /** The error of one field. */
  readonly of: (id: string, shown: readonly SummaryError[]) => string | undefined;
}

/** The errors of a small form that is written by hand. */
export function useErrors(): Errors {
  const [list, setList] = useState<readonly SummaryError[]>([]);
  const [attempt, setAttempt] = useState(0);
  return {
    list,
    attempt,
    show: (errors) => {
      setList(errors);
      setAttempt((before) => before + 1);
      return errors.length === 0;
    },
    of: (id, shown) => shown.find((error) => error.href === `#${id}`)?.text,
  };
}

/** The server's errors at our fields: by pointer, and by kind of problem for a form with one field that matters. */
export function fieldErrors(
  problem: Problem | null,
  fields: Readonly<Record<string, string>>,
  kinds: readonly string[] = [],
  fieldOfKinds = "",
): SummaryError[] {
  if (!problem) return [];
  const found = problem.errors
    .filter((error) => fields[error.pointer] !== undefined)
    .map((error) => ({ href: `#${fields[error.pointer]}`, text: error.detail }));
  if (found.length === 0 && kinds.includes(problem.kind)) return [{ href: `#${fieldOfKinds}`, text: problem.sentence }];
  return found;
}

/** Good enough to catch a slip of the finger; whether the address exists, the code by mail shows. */
export function looksLikeEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text.trim());
}
