import { optionalText, t } from "../texts.ts";

export interface FieldProblem {
  /** JSON pointer into the answers, without the leading `/answers`. */
  readonly pointer: string;
  readonly detail: string;
}

interface ProblemBody {
  type?: unknown;
  title?: unknown;
  detail?: unknown;
  errors?: unknown;
  traceId?: unknown;
}

/** What went wrong with a call, as RFC 9457 tells it; `kind` is the last part of its type. Status 0: no answer at all. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly kind: string,
    readonly title: string,
    readonly detail: string,
    readonly errors: readonly FieldProblem[] = [],
    readonly traceId: string | null = null,
    /** Seconds after which another try makes sense, as the server says. */
    readonly retryAfter: number | null = null,
  ) {
    super(`${status} ${kind}: ${detail || title}`);
  }

  /** One sentence for people: our own text for this kind, else the server's, else one for the status. */
  get sentence(): string {
    return optionalText(`problem.${this.kind}`) ?? (this.detail || this.title || statusText(this.status));
  }

  /** Whether it is one of these: kinds, or statuses as text. */
  is(...kinds: readonly string[]): boolean {
    return kinds.includes(this.kind) || kinds.includes(String(this.status));
  }

  get unreachable(): boolean {
    return this.kind === "unreachable" || this.status >= 502;
  }
}

function statusText(status: number): string {
  return optionalText(`problem.status.${status}`) ?? t("problem.unknown");
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

function fieldProblems(errors: unknown): FieldProblem[] {
  if (!Array.isArray(errors)) return [];
  return errors.map((error: { pointer?: unknown; detail?: unknown }) => ({
    pointer: text(error?.pointer)
      .replace(/^#/, "")
      .replace(/^\/answers(?=\/|$)/, ""),
    detail: text(error?.detail),
  }));
}

/** Reads a problem answer; an answer of another shape (a proxy's page, say) becomes a problem by its status. */
export function readProblem(status: number, body: unknown, headers: Pick<Headers, "get">): Problem {
  const problem: ProblemBody = typeof body === "object" && body !== null ? body : {};
  const retryAfter = Number.parseInt(headers.get("retry-after") ?? "", 10);
  return new Problem(
    status,
    text(problem.type).split(":").pop() || `status-${status}`,
    text(problem.title),
    text(problem.detail),
    fieldProblems(problem.errors),
    text(problem.traceId) || traceOf(headers.get("traceparent")),
    Number.isNaN(retryAfter) ? null : retryAfter,
  );
}

function traceOf(traceparent: string | null): string | null {
  return traceparent?.split("-")[1] ?? null;
}

/** A call that got no answer. */
export const unreachable = (): Problem => new Problem(0, "unreachable", "", "");

/** Whatever was thrown, as a problem. What is none is a fault of the portal: it goes to the console, too. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem(0, "unexpected", "", String(error));
}
