import { etag, sendWithSession } from "./client.ts";
import { passingKeyOf, settlePassing } from "./keys.ts";
import { readProblem, unreachable } from "./problem.ts";

interface Sent {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Pick<Headers, "get">;
}

/**
 * Sends one file; `progress` gets the share sent, 0 to 1. XMLHttpRequest, because fetch does not tell how far it is.
 * `signal` gives the sending up.
 */
export async function uploadFile(
  ars: string,
  application: string,
  version: number,
  field: string,
  file: File,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const attempt = `attach ${application} ${field} ${file.name} ${file.size} ${file.lastModified}`;
  const path = `/api/forms/v1/${ars}/applications/${application}/attachments`;
  const headers = {
    "Content-Type": file.type,
    "Content-Disposition": `attachment; filename*=UTF-8''${encodeName(file.name)}`,
    "Idempotency-Key": passingKeyOf(attempt),
    "If-Match": etag(version),
  };
  const address = `${path}?field=${encodeURIComponent(field)}`;
  const answer = await sendWithSession(path, "POST", () => post(address, headers, file, progress, signal));
  if (answer.status >= 400) throw readProblem(answer.status, answer.body, answer.headers);
  settlePassing(attempt);
}

/** RFC 8187: what `encodeURIComponent` leaves alone and an extended value does not allow. */
export function encodeName(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function post(
  address: string,
  headers: Record<string, string>,
  file: File,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => progress(event.total ? event.loaded / event.total : 0);
    request.onload = () =>
      resolve({
        status: request.status,
        body: parse(request.responseText),
        headers: { get: (name) => request.getResponseHeader(name) },
      });
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(new DOMException("given up", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
