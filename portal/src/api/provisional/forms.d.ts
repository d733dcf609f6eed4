import type { Call, Keyed, Town, Versioned } from "./shape.d.ts";

interface ServiceSummary {
  slug: string;
  version: number;
  title: string;
  summary: string;
  level: string;
}
interface Service extends ServiceSummary {
  leika_key: string;
  schema: Record<string, unknown>;
  ui: Record<string, unknown>;
  uploads: { field: string; title: string; help: string; required: boolean; required_when: Record<string, unknown[]>; media_types: string[]; max_bytes: number }[];
}
interface Application {
  application_id: string;
  service: string;
  status: string;
  reference: string;
  version: number;
  created_at: string;
  changed_at: string;
  answers: Record<string, unknown>;
  attachments: { attachment_id: string; field: string; media_type: string; size: number; filename: string }[];
}
type One = Town & { application_id: string };
export interface paths {
  "/api/forms/v1/{ars}/services": { get: Call<Town, never, 200, { items: ServiceSummary[] }> };
  "/api/forms/v1/{ars}/services/{slug}": { get: Call<Town & { slug: string }, never, 200, Service> };
  "/api/forms/v1/{ars}/applications": {
    get: Call<Town, never, 200, { items: Application[]; next?: string | null }, { cursor?: string }>;
    post: Call<Town, { service: string }, 201, Application, never, Keyed>;
  };
  "/api/forms/v1/{ars}/applications/{application_id}": { get: Call<One, never, 200, Application> };
  "/api/forms/v1/{ars}/applications/{application_id}/answers": {
    put: Call<One, { answers: Record<string, unknown> }, 200, Application, never, Versioned>;
  };
  "/api/forms/v1/{ars}/applications/{application_id}/attachments/{attachment_id}": {
    delete: Call<One & { attachment_id: string }, never, 204, never, never, Versioned>;
  };
  "/api/forms/v1/{ars}/applications/{application_id}/submission": {
    post: Call<One, never, 202, Application, never, Keyed & Versioned>;
  };
}
