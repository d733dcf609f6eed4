import { notifyApi as api, body } from "./client.ts";

export interface MessageSummary {
  readonly id: string;
  readonly subject: string;
  readonly madeAt: string;
}

export interface Message extends MessageSummary {
  readonly text: string;
}

export async function messages(ars: string): Promise<MessageSummary[]> {
  const answer = await body(api.GET("/api/notify/v1/{ars}/messages", { params: { path: { ars } } }));
  return answer.messages.map((one) => ({ id: one.message_id, subject: one.subject, madeAt: one.made_at }));
}

export async function message(ars: string, id: string): Promise<Message> {
  const one = await body(
    api.GET("/api/notify/v1/{ars}/messages/{message_id}", { params: { path: { ars, message_id: id } } }),
  );
  return { id: one.message_id, subject: one.subject, madeAt: one.made_at, text: one.text };
}
