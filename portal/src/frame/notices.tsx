import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "../api/problem.ts";
import { t } from "../texts.ts";

export type Tone = "info" | "success" | "warning" | "danger";

interface AlertProps {
  readonly tone: Tone;
  readonly title: string;
  readonly children?: ComponentChildren;
  /** Takes the focus when it appears: for what answers a person's action. */
  readonly focus?: boolean;
}

export function Alert({ tone, title, children, focus }: AlertProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (focus) box.current?.focus();
  }, [focus]);
  return (
    <div
      class={`kern-alert kern-alert--${tone}`}
      role={tone === "danger" || tone === "warning" ? "alert" : "status"}
      tabIndex={focus ? -1 : undefined}
      ref={box}
    >
      <div class="kern-alert__header">
        <span class={`kern-icon kern-icon--${tone}`} aria-hidden="true" />
        <p class="kern-title">{title}</p>
      </div>
      {children && <div class="kern-alert__body">{children}</div>}
    </div>
  );
}

/** What went wrong with a call, with the number that finds it again in the town hall's traces. */
export function ProblemNotice({ problem, retry }: { problem: Problem | null; retry?: () => void }) {
  if (!problem) return null;
  return (
    <Alert tone="danger" title={problem.sentence} focus key={problem.message}>
      {(problem.traceId || retry || problem.retryAfter !== null) && (
        <>
          {problem.retryAfter !== null && (
            <p class="kern-body">{t("problem.retry_after", { seconds: problem.retryAfter })}</p>
          )}
          {problem.traceId && (
            <p class="kern-body">
              {t("problem.trace")} <code class="trace">{problem.traceId}</code>
            </p>
          )}
          {retry && (
            <button type="button" class="kern-btn kern-btn--secondary" onClick={retry}>
              <span class="kern-icon kern-icon--autorenew" aria-hidden="true" />
              <span class="kern-label">{t("problem.retry")}</span>
            </button>
          )}
        </>
      )}
    </Alert>
  );
}

/** Says politely that something is being loaded; shown only after a moment, so that quick answers don't flicker. */
export function Loading() {
  return (
    <div class="loading" role="status">
      <span class="kern-loader kern-loader--visible" aria-hidden="true" />
      <span class="kern-body">{t("loading")}</span>
    </div>
  );
}
