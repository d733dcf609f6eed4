/**
 * A session's short token is renewed once for all calls and all tabs: the refresh cookie rotates, and using an old one
 * twice ends the session. Hence the lock, and the look whether another tab was faster.
 */
const REFRESHED_AT = "rathaus.refreshed";
const LOCK = "rathaus-refresh";

let running: Promise<boolean> | null = null;

/** True when a call sent at `sentAt` (ms) may be tried again with a newer token. */
export function refreshSession(base: string, sentAt: number): Promise<boolean> {
  running ??= locked(() => refreshUnlessNewer(base, sentAt)).finally(() => {
    running = null;
  });
  return running;
}

function locked<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks ? navigator.locks.request(LOCK, work).then((value) => value) : work();
}

async function refreshUnlessNewer(base: string, sentAt: number): Promise<boolean> {
  if (Number(localStorage.getItem(REFRESHED_AT) ?? 0) > sentAt) return true;
  const response = await fetch(`${base}/sessions/refresh`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  if (response.ok) localStorage.setItem(REFRESHED_AT, String(Date.now()));
  return response.ok;
}
