import type { IncomingMessage, ServerResponse } from "node:http";
import { mergeConfig, type Plugin } from "vite";
import portal from "../../vite.config.ts";
import { type Call, FakeTownHall } from "./town-hall.ts";

const townHall = new FakeTownHall();

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1").startsWith("%PDF")
    ? Buffer.concat(chunks).toString("latin1")
    : Buffer.concat(chunks).toString("utf-8");
}

function streamStatus(id: string, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  let last = "";
  const timer = setInterval(tell, 200);
  function tell(): void {
    const now = townHall.status(id);
    if (now.status !== last) response.write(`event: status\ndata: ${JSON.stringify(now)}\n\n`);
    last = now.status;
    if (last !== "accepted") return;
    clearInterval(timer);
    response.end();
  }
  tell();
  response.on("close", () => clearInterval(timer));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const events = /applications\/([^/]+)\/events$/.exec(url.pathname);
  if (events?.[1]) return streamStatus(events[1], response);
  const call: Call = {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers as Call["headers"],
    body: await bodyOf(request),
  };
  const reply = townHall.handle(call);
  response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
  response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
}

const fakeApi: Plugin = {
  name: "fake-api",
  configurePreviewServer(server) {
    server.middlewares.use((request, response, next) => {
      if (request.url?.startsWith("/api/")) void answer(request, response);
      else next();
    });
  },
};

/** `vite preview` of the built portal with the test double behind it. */
export default mergeConfig(portal, { root: new URL("../..", import.meta.url).pathname, plugins: [fakeApi] });
