import createClient, { type Client } from "openapi-fetch";
import type { paths as AppointmentsPaths } from "./generated/appointments.d.ts";
import type { paths as FormsPaths } from "./generated/forms.d.ts";
import type { paths as IdentityPaths } from "./generated/identity.d.ts";
import type { paths as NotifyPaths } from "./generated/notify.d.ts";
import type { paths as GatewayPaths } from "./generated/osi-gateway.d.ts";
import { Problem, readProblem, unreachable } from "./problem.ts";
import { refreshSession } from "./refresh.ts";

/** Dispatched on `window` when a call was refused and the session could not be renewed. */
export const SESSION_ENDED = "rathaus:session-ended";

const IDENTITY = /^\/api\/identity\/v1\/\d{12}/;
const TENANT = /^\/api\/[a-z-]+\/v1\/(\d{12})/;
const UNAUTHORIZED = 401;

/** Calls that are answered 401 for a wrong password, not for an old token. */
const SIGNS_IN = /\/sessions(\/refresh)?$/;

function identityBase(path: string): string | null {
  const tenant = TENANT.exec(path)?.[1];
  return tenant === undefined ? null : `/api/identity/v1/${tenant}`;
}

/** Sends a call; when its token is too old, renews the session once and sends it again. */
export async function sendWithSession<T extends { status: number }>(
  path: string,
  method: string,
  send: () => Promise<T>,
): Promise<T> {
  const sentAt = Date.now();
  const answer = await send();
  const base = identityBase(path);
  const signsIn = method === "POST" && IDENTITY.test(path) && SIGNS_IN.test(path);
  if (answer.status !== UNAUTHORIZED || base === null || signsIn) return answer;
  const again = (await refreshSession(base, sentAt)) ? await send() : answer;
  if (again.status === UNAUTHORIZED) dispatchEvent(new Event(SESSION_ENDED));
  return again;
}

function fetchWithSession(request: Request): Promise<Response> {
  return sendWithSession(new URL(request.url).pathname, request.method, () => fetch(request.clone()));
}

function client<Paths extends object>(): Client<Paths> {
  return createClient<Paths>({ baseUrl: location.origin, fetch: fetchWithSession });
}

export const identityApi = client<IdentityPaths>();
export const formsApi = client<FormsPaths>();
export const appointmentsApi = client<AppointmentsPaths>();
export const notifyApi = client<NotifyPaths>();
export const gatewayApi = client<GatewayPaths>();

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a good answer; throws `Problem` for every other, and for none. */
export async function body<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await bodyAndVersion(call)).value;
}

/** The body with the version out of `ETag: "<version>"`; -1 when there is none. */
export async function bodyAndVersion<T>(call: Promise<Answer<T>>): Promise<{ value: T; version: number }> {
  const { data, error, response } = await call.catch((thrown: unknown) => {
    throw thrown instanceof TypeError ? unreachable() : thrown; // fetch's way to say that there was no answer
  });
  if (!response.ok) throw readProblem(response.status, error, response.headers);
  return { value: data as T, version: versionOf(response.headers.get("etag")) };
}

export function versionOf(etag: string | null): number {
  const version = Number.parseInt(etag?.replace(/^W\//, "").replaceAll('"', "") ?? "", 10);
  return Number.isNaN(version) ? -1 : version;
}

export const etag = (version: number): string => `"${version}"`;

export const isProblem = (error: unknown, ...kinds: readonly string[]): error is Problem =>
  error instanceof Problem && error.is(...kinds);
