import type { Call, Keyed, Town } from "./shape.d.ts";

interface SessionAnswer {
  session_id: string;
  account_id: string;
  level: string;
  linked: boolean;
  expires_in: number;
}
interface Base {
  "/api/identity/v1/{ars}/accounts": {
    post: Call<Town, { email: string; password: string; language?: string }, 202, { account_id: string }, never, Keyed>;
  };
  "/api/identity/v1/{ars}/accounts/{account_id}/verification": {
    post: Call<Town & { account_id: string }, { code: string }, 204, never>;
  };
  "/api/identity/v1/{ars}/sessions": {
    get: Call<
      Town,
      never,
      200,
      { items: { session_id: string; created_at: string; last_used_at: string; current: boolean }[] }
    >;
    post: Call<Town, { email: string; password: string; transport: "cookie" | "bearer" }, 201, SessionAnswer>;
  };
  "/api/identity/v1/{ars}/sessions/{session_id}": {
    delete: Call<Town & { session_id: string }, never, 204, never>;
  };
  "/api/identity/v1/{ars}/account": {
    get: Call<
      Town,
      never,
      200,
      { account_id: string; email: string; level: string; linked: boolean; linked_at?: string | null }
    >;
  };
  "/api/identity/v1/{ars}/links": {
    post: Call<
      Town,
      { password: string },
      201,
      { link_id: string; authorization_url: string; expires_at: string },
      never,
      Keyed
    >;
  };
  "/api/identity/v1/{ars}/links/{link_id}/completion": {
    post: Call<Town & { link_id: string }, { code: string; state: string; iss: string }, 200, SessionAnswer>;
  };
}
export type paths = Base;
