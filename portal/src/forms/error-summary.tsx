import { useEffect, useRef } from "preact/hooks";
import { plural } from "../texts.ts";

export interface SummaryError {
  readonly text: string;
  /** Address of the field: `#id`, or a page with one; undefined when the error has no field. */
  readonly href?: string | undefined;
  readonly label?: string | undefined;
}

/** What is wrong with the form, above it, with links to the fields. Takes the focus each time `attempt` rises. */
export function ErrorSummary({ errors, attempt }: { errors: readonly SummaryError[]; attempt: number }) {
  const box = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the focus moves once per attempt, not per corrected field
  useEffect(() => {
    if (errors.length > 0) box.current?.focus();
  }, [attempt]);
  if (errors.length === 0) return null;
  return (
    <div class="kern-alert kern-alert--danger" role="alert" tabIndex={-1} ref={box} data-error-summary>
      <div class="kern-alert__header">
        <span class="kern-icon kern-icon--danger" aria-hidden="true" />
        <h2 class="kern-title">{plural("errors.summary", errors.length)}</h2>
      </div>
      <div class="kern-alert__body">
        <ul class="kern-list kern-list--bullet">
          {errors.map((error) => (
            <li key={`${error.href}${error.text}`}>
              {error.href ? (
                <a class="kern-link" href={error.href} onClick={(event) => focusField(event, error.href)}>
                  {sentence(error)}
                </a>
              ) : (
                sentence(error)
              )}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

const sentence = (error: SummaryError): string => (error.label ? `${error.label}: ${error.text}` : error.text);

function focusField(event: Event, href: string | undefined): void {
  if (!href?.startsWith("#")) return;
  event.preventDefault();
  const field = document.getElementById(href.slice(1));
  field?.focus();
  (field?.closest(".kern-form-input, .kern-fieldset") ?? field)?.scrollIntoView({ block: "center" });
}
