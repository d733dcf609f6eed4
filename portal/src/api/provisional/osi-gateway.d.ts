import type { Call, Town } from "./shape.d.ts";

export interface paths {
  "/api/osi-gateway/v1/{ars}/submissions/{application_id}": {
    get: Call<
      Town & { application_id: string },
      never,
      200,
      { application_id: string; destination?: string | null; case?: string | null; state: string }
    >;
  };
}
