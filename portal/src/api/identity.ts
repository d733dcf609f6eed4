import { identityApi as api, body } from "./client.ts";
import { passingKeyOf, settlePassing } from "./keys.ts";

export interface Account {
  readonly email: string;
  readonly level: string;
  readonly linked: boolean;
  readonly linkedAt: string | null;
}

export interface Session {
  readonly id: string;
  readonly openedAt: string;
  /** The browser, as it calls itself. */
  readonly device: string;
  readonly current: boolean;
}

export interface Link {
  readonly id: string;
  readonly address: string;
}

/** Asks for an account; the answer does not say whether the address was known. Returns the account's id for the code page. */
export async function register(ars: string, email: string, password: string): Promise<string> {
  const attempt = `register ${ars} ${email} ${password}`;
  const answer = await body(
    api.POST("/api/identity/v1/{ars}/accounts", {
      params: { path: { ars }, header: { "Idempotency-Key": passingKeyOf(attempt) } },
      body: { email, password, language: "de" },
    }),
  );
  settlePassing(attempt);
  return answer.account_id;
}

export async function verify(ars: string, account: string, code: string): Promise<void> {
  await body(
    api.POST("/api/identity/v1/{ars}/accounts/{account_id}/verification", {
      params: { path: { ars, account_id: account } },
      body: { code },
    }),
  );
}

/** Signs in; the tokens come as cookies that scripts cannot read. */
export async function signIn(ars: string, email: string, password: string): Promise<void> {
  await body(
    api.POST("/api/identity/v1/{ars}/sessions", {
      params: { path: { ars } },
      body: { email, password, transport: "cookie" },
    }),
  );
}

export async function endSession(ars: string, session: string): Promise<void> {
  await body(
    api.DELETE("/api/identity/v1/{ars}/sessions/{session_id}", { params: { path: { ars, session_id: session } } }),
  );
}

export async function sessions(ars: string): Promise<Session[]> {
  const answer = await body(api.GET("/api/identity/v1/{ars}/sessions", { params: { path: { ars } } }));
  return answer.sessions.map((one) => ({
    id: one.session_id,
    openedAt: one.opened_at,
    device: one.device,
    current: one.current,
  }));
}

export async function account(ars: string): Promise<Account> {
  const answer = await body(api.GET("/api/identity/v1/{ars}/account", { params: { path: { ars } } }));
  return { email: answer.email, level: answer.level, linked: answer.linked, linkedAt: answer.linked_at ?? null };
}

/** Begins the link to the Landeskonto; the password proves that the local account's owner asks. */
export async function beginLink(ars: string, password: string): Promise<Link> {
  const attempt = `link ${ars} ${password}`;
  const answer = await body(
    api.POST("/api/identity/v1/{ars}/links", {
      params: { path: { ars }, header: { "Idempotency-Key": passingKeyOf(attempt) } },
      body: { password },
    }),
  );
  settlePassing(attempt);
  return { id: answer.link_id, address: answer.authorization_url };
}

export async function completeLink(ars: string, link: string, code: string, state: string, iss: string): Promise<void> {
  await body(
    api.POST("/api/identity/v1/{ars}/links/{link_id}/completion", {
      params: { path: { ars, link_id: link } },
      body: { code, state, iss },
    }),
  );
}
