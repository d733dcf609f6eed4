import { useEffect, useMemo, useState } from "preact/hooks";
import { type Answers, type Application, load, save } from "../api/forms.ts";
import { Draft } from "./draft.ts";

/** A page's draft; saved when the page is left or hidden, too. */
export function useDraft(ars: string, application: Application): Draft {
  const [, rerender] = useState(0);
  const id = application.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a draft lives as long as the page shows this application
  const draft = useMemo(() => {
    const calls = {
      load: () => load(ars, id),
      save: (version: number, answers: Answers) => save(ars, id, version, answers),
    };
    return new Draft(calls, application, () => rerender((round) => round + 1));
  }, [ars, id]);
  useEffect(() => {
    const hidden = () => {
      if (document.visibilityState === "hidden") void draft.flush();
    };
    const leaving = (event: BeforeUnloadEvent) => {
      if (draft.state !== "saved") event.preventDefault();
    };
    document.addEventListener("visibilitychange", hidden);
    addEventListener("beforeunload", leaving);
    return () => {
      document.removeEventListener("visibilitychange", hidden);
      removeEventListener("beforeunload", leaving);
      draft.stop();
      void draft.flush();
    };
  }, [draft]);
  return draft;
}
