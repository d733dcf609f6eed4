import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { unreachable } from "../api/problem.ts";
import type { Params } from "../router.tsx";
import { Loading, ProblemNotice } from "./notices.tsx";

type PageType = ComponentType<Params>;

/** A page whose code comes when it is first needed, so that the start page stays small. */
export function lazyPage(load: () => Promise<PageType>): PageType {
  let loaded: PageType | null = null;
  // biome-ignore lint/correctness/noComponentHookFactories: called once per page, when the module loads
  return function LazyPage(params: Params) {
    const [page, setPage] = useState(() => loaded);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded) return;
      load().then(
        (found) => {
          loaded = found;
          setPage(() => found);
        },
        () => setFailed(true),
      );
    }, []);
    // A file that is gone means a newer version of the portal: loading the page anew brings it.
    if (failed) return <ProblemNotice problem={unreachable()} retry={() => location.reload()} />;
    if (!page) return <Loading />;
    const Found = page;
    return <Found {...params} />;
  };
}
