/** Short forms for paths as `openapi-typescript` writes them. */
export type Call<Path, Body, Status extends number, Answer, Query = never, Header = never> = {
  parameters: {
    path: Path;
    query?: Query;
    header?: Header;
    cookie?: never;
  };
  responses: {
    [status in Status]: {
      headers: Record<string, unknown>;
      content: [Answer] extends [never] ? never : { "application/json": Answer };
    };
  } & { default: { headers: Record<string, unknown>; content: { "application/problem+json": unknown } } };
} & ([Body] extends [never] ? { requestBody?: never } : { requestBody: { content: { "application/json": Body } } });
export interface Keyed {
  "Idempotency-Key": string;
}
export interface Versioned {
  "If-Match": string;
}
export interface Town {
  ars: string;
}
