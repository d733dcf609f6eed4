import type { JsonSchema, UiElement } from "../forms/schema.ts";
import { formsApi as api, body, bodyAndVersion, etag } from "./client.ts";
import { keyOf, settle } from "./keys.ts";

export type Answers = Readonly<Record<string, unknown>>;
export type Status = "draft" | "submitted" | "forwarded" | "accepted" | "rejected";

export interface ServiceSummary {
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
}

export interface Upload {
  readonly field: string;
  readonly title: string;
  readonly help: string;
  readonly required: boolean;
  /** Answers that make the file necessary: it is, when each named answer is one of those listed. */
  readonly requiredWhen: Readonly<Record<string, readonly unknown[]>>;
  readonly mediaTypes: readonly string[];
  readonly maxBytes: number;
}

export interface Service extends ServiceSummary {
  readonly schema: JsonSchema;
  readonly ui: UiElement;
  readonly uploads: readonly Upload[];
}

export interface Attachment {
  readonly id: string;
  readonly field: string;
  readonly filename: string;
  readonly size: number;
}

export interface ApplicationSummary {
  readonly id: string;
  readonly service: string;
  readonly status: Status;
  readonly reference: string;
  readonly changedAt: string;
  readonly submittedAt: string | null;
}

export interface Application extends ApplicationSummary {
  readonly version: number;
  readonly answers: Answers;
  readonly attachments: readonly Attachment[];
  /** Why the authority refused, in its words. */
  readonly reasons: readonly string[];
}

interface SummaryBody {
  application_id: string;
  service: string;
  status: string;
  reference: string;
  changed_at: string;
  submitted_at: string | null;
}

interface ApplicationBody extends SummaryBody {
  answers: Record<string, unknown>;
  attachments: { attachment_id: string; field: string; filename: string; size: number }[];
  reasons: { title: string }[];
}

const summary = (one: SummaryBody): ApplicationSummary => ({
  id: one.application_id,
  service: one.service,
  status: one.status as Status,
  reference: one.reference,
  changedAt: one.changed_at,
  submittedAt: one.submitted_at,
});

const application = ({ value, version }: { value: ApplicationBody; version: number }): Application => ({
  ...summary(value),
  version,
  answers: value.answers,
  attachments: value.attachments.map((one) => ({
    id: one.attachment_id,
    field: one.field,
    filename: one.filename,
    size: one.size,
  })),
  reasons: value.reasons.map((reason) => reason.title),
});

export async function services(ars: string): Promise<ServiceSummary[]> {
  return (await body(api.GET("/api/forms/v1/{ars}/services", { params: { path: { ars } } }))).services;
}

export async function service(ars: string, slug: string): Promise<Service> {
  const answer = await body(api.GET("/api/forms/v1/{ars}/services/{slug}", { params: { path: { ars, slug } } }));
  return {
    slug: answer.slug,
    title: answer.title,
    summary: answer.summary,
    schema: answer.schema as JsonSchema,
    ui: answer.ui as unknown as UiElement,
    uploads: answer.uploads.map((one) => ({
      field: one.field,
      title: one.title,
      help: one.help,
      required: one.required,
      requiredWhen: one.required_when,
      mediaTypes: one.media_types,
      maxBytes: one.max_bytes,
    })),
  };
}

export async function applications(ars: string): Promise<ApplicationSummary[]> {
  const all: ApplicationSummary[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await body(
      api.GET("/api/forms/v1/{ars}/applications", { params: { path: { ars }, query: cursor ? { cursor } : {} } }),
    );
    all.push(...page.applications.map(summary));
    cursor = page.next;
  } while (cursor);
  return all;
}

/** Begins an application; returns its id. */
export async function start(ars: string, slug: string): Promise<string> {
  const attempt = `start ${ars} ${slug}`;
  const answer = await body(
    api.POST("/api/forms/v1/{ars}/applications", {
      params: { path: { ars }, header: { "Idempotency-Key": keyOf(attempt) } },
      body: { service: slug },
    }),
  );
  settle(attempt);
  return answer.application_id;
}

export async function load(ars: string, id: string): Promise<Application> {
  return application(
    await bodyAndVersion(api.GET("/api/forms/v1/{ars}/applications/{id}", { params: { path: { ars, id } } })),
  );
}

/** Writes the draft's answers over the version read before; throws a problem with status 412 when it is not the newest. */
export async function save(ars: string, id: string, version: number, answers: Answers): Promise<Application> {
  return application(
    await bodyAndVersion(
      api.PUT("/api/forms/v1/{ars}/applications/{id}/answers", {
        params: { path: { ars, id }, header: { "If-Match": etag(version) } },
        body: { answers: answers as Record<string, unknown> },
      }),
    ),
  );
}

export async function removeAttachment(ars: string, id: string, version: number, attachment: string): Promise<void> {
  await body(
    api.DELETE("/api/forms/v1/{ars}/applications/{id}/attachments/{attachment_id}", {
      params: {
        path: { ars, id, attachment_id: attachment },
        header: { "If-Match": etag(version) },
      },
    }),
  );
}

/** Submits. The key stays the same until the answer is here, whatever happens to the page between. */
export async function submit(ars: string, id: string, version: number): Promise<void> {
  const attempt = `submit ${id}`;
  await body(
    api.POST("/api/forms/v1/{ars}/applications/{id}/submission", {
      params: {
        path: { ars, id },
        header: { "Idempotency-Key": keyOf(attempt), "If-Match": etag(version) },
      },
    }),
  );
  settle(attempt);
}
