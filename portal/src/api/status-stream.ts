import type { Status } from "./forms.ts";
import { load } from "./forms.ts";

export interface StatusChange {
  readonly status: Status;
  readonly changedAt: string;
}

/** How the page is being told: by an open stream, or by asking again and again. */
export type Channel = "live" | "polling";

const POLL_MS = 5_000;
const FINAL: ReadonlySet<string> = new Set(["accepted", "rejected"]);
const RETRY_STREAM_AFTER_POLLS = 6;

export const isFinal = (status: string): boolean => FINAL.has(status);

interface Watcher {
  changed(change: StatusChange): void;
  channel(channel: Channel): void;
  failed(error: unknown): void;
}

/**
 * Follows an application's status until it is final. Server-sent events where they get through; where they don't (an old
 * session, a proxy that holds them back), the status is asked for, which also renews the session. Returns the stop.
 */
export function watchStatus(ars: string, id: string, watcher: Watcher): () => void {
  let stream: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let polls = 0;
  let streamWorks = false;
  let stopped = false;

  const stop = () => {
    stopped = true;
    stream?.close();
    clearTimeout(timer);
  };
  const tell = (change: StatusChange) => {
    watcher.changed(change);
    if (isFinal(change.status)) stop();
  };
  const listen = () => {
    stream = new EventSource(`/api/forms/v1/${ars}/applications/${id}/events`);
    stream.addEventListener("open", () => {
      streamWorks = true;
      watcher.channel("live");
    });
    stream.addEventListener("status", (event) => {
      const data = JSON.parse(event.data) as { status: Status; changed_at: string };
      tell({ status: data.status, changedAt: data.changed_at });
    });
    stream.addEventListener("error", () => {
      stream?.close();
      if (!stopped) poll();
    });
  };
  const poll = async () => {
    watcher.channel("polling");
    try {
      const application = await load(ars, id);
      if (stopped) return;
      tell({ status: application.status, changedAt: application.changedAt });
    } catch (error) {
      watcher.failed(error);
    }
    if (stopped) return;
    polls += 1;
    const streamNext = streamWorks || polls % RETRY_STREAM_AFTER_POLLS === 0;
    streamWorks = false;
    timer = setTimeout(streamNext ? listen : poll, POLL_MS);
  };
  listen();
  return stop;
}
