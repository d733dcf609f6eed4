import { gatewayApi as api, body, isProblem } from "./client.ts";

export interface Evidence {
  /** Name of the authority that is responsible. */
  readonly destination: string | null;
  readonly caseId: string | null;
  readonly sentAt: string | null;
}

/** Where an application went; null while it has not left the town hall. */
export async function evidence(ars: string, application: string): Promise<Evidence | null> {
  try {
    const answer = await body(
      api.GET("/api/osi-gateway/v1/{ars}/submissions/{application_id}", {
        params: { path: { ars, application_id: application } },
      }),
    );
    return { destination: answer.destination, caseId: answer.case_id, sentAt: answer.sent_at };
  } catch (error) {
    if (isProblem(error, "404")) return null;
    throw error;
  }
}
