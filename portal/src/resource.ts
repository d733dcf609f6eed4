import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { asProblem, type Problem } from "./api/problem.ts";

export type Resource<T> =
  | { readonly state: "loading"; readonly value: T | null }
  | { readonly state: "ready"; readonly value: T }
  | { readonly state: "failed"; readonly value: null; readonly problem: Problem };

/** What a page needs from the server: loaded when `deps` change and by `reload`; a late answer to old deps is dropped. */
export function useResource<T>(load: () => Promise<T>, deps: readonly unknown[]): [Resource<T>, () => void] {
  const [resource, setResource] = useState<Resource<T>>({ state: "loading", value: null });
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `load` is a new function at each render, `deps` say when it differs
  useEffect(() => {
    let current = true;
    setResource((before) => ({ state: "loading", value: before.value }));
    load().then(
      (value) => current && setResource({ state: "ready", value }),
      (error) => current && setResource({ state: "failed", value: null, problem: asProblem(error) }),
    );
    return () => {
      current = false;
    };
  }, [...deps, round]);
  return [resource, useCallback(() => setRound((before) => before + 1), [])];
}

export interface Action<A extends unknown[]> {
  readonly run: (...args: A) => Promise<void>;
  readonly running: boolean;
  readonly problem: Problem | null;
  readonly clear: () => void;
}

/** Something a person starts: one at a time, its failure kept for the page to show. */
export function useAction<A extends unknown[]>(work: (...args: A) => Promise<void>): Action<A> {
  const [running, setRunning] = useState(false);
  const busy = useRef(false); // a second click may come before the next render
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async (...args: A) => {
    if (busy.current) return;
    busy.current = true;
    setRunning(true);
    setProblem(null);
    try {
      await work(...args);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      busy.current = false;
      setRunning(false);
    }
  };
  return { run, running, problem, clear: () => setProblem(null) };
}
