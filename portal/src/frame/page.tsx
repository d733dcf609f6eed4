import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Resource } from "../resource.ts";
import { usePlace } from "../router.tsx";
import { t } from "../texts.ts";
import { Loading, ProblemNotice } from "./notices.tsx";

/** The address whose heading had the focus last; null until the first page stands. */
let focusedPath: string | null = null;

interface PageProps {
  readonly title: string;
  /** Stands before the page's name in the browser's title: an error, a step. */
  readonly prefix?: string | undefined;
  readonly preline?: string | undefined;
  readonly lead?: string | undefined;
  readonly wide?: boolean;
  /** Stands with the heading in a band over the whole width. */
  readonly hero?: ComponentChildren;
  readonly children?: ComponentChildren;
}

/** A page's heading and body. After a change of page the heading takes the focus, and the browser's title follows. */
export function Page({ title, prefix, preline, lead, wide, hero, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { path, query } = usePlace();
  const step = query.get("schritt") ?? "";
  useEffect(() => {
    document.title = `${prefix ? `${prefix} – ` : ""}${title} – ${t("product")}`;
  }, [title, prefix]);
  useEffect(() => {
    const here = `${path}?${step}`;
    const lost = document.activeElement === document.body; // what had the focus is gone: the link followed, a loading page
    if (focusedPath !== null && (focusedPath !== here || lost)) {
      if (focusedPath !== here) scrollTo(0, 0);
      heading.current?.focus({ preventScroll: true });
    }
    focusedPath = here;
  }, [path, step]);
  const head = (
    <div class="page-head">
      {preline && <p class="kern-preline">{preline}</p>}
      <h1 class="kern-heading-x-large" tabIndex={-1} ref={heading}>
        {title}
      </h1>
      {lead && <p class="kern-body kern-body--large">{lead}</p>}
    </div>
  );
  return (
    <div class={wide ? "page page--wide" : "page"}>
      {hero ? (
        <div class="band">
          {head}
          {hero}
        </div>
      ) : (
        head
      )}
      {children}
    </div>
  );
}

interface LoadedProps<T> {
  readonly resource: Resource<T>;
  readonly retry: () => void;
  readonly children: (value: T) => ComponentChildren;
}

/** What a resource holds, or that it is on its way, or why it does not come. */
export function Loaded<T>({ resource, retry, children }: LoadedProps<T>) {
  if (resource.state === "failed") return <ProblemNotice problem={resource.problem} retry={retry} />;
  if (resource.value === null) return <Loading />;
  return <>{children(resource.value)}</>;
}
