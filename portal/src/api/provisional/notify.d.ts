import type { Call, Town } from "./shape.d.ts";

interface MessageSummary {
  message_id: string;
  kind: string;
  subject: string;
  status: string;
  sent_at: string | null;
}
export interface paths {
  "/api/notify/v1/{ars}/messages": { get: Call<Town, never, 200, { items: MessageSummary[] }> };
  "/api/notify/v1/{ars}/messages/{message_id}": {
    get: Call<Town & { message_id: string }, never, 200, MessageSummary & { text: string }>;
  };
}
