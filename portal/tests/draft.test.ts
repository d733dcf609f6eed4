import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Answers, Application } from "../src/api/forms.ts";
import { Problem, unreachable } from "../src/api/problem.ts";
import { Draft, type DraftCalls } from "../src/application/draft.ts";

const application = (version: number, answers: Answers): Application => ({
  id: "a1",
  service: "youth-medical-exam",
  status: "draft",
  reference: "TAN-2026-7K3M9Q",
  changedAt: "2026-11-25T09:00:00Z",
  submittedAt: null,
  version,
  answers,
  attachments: [],
  reasons: [],
});

const conflict = () => new Problem(412, "version-conflict", "", "");

/** A server that keeps one application and refuses an old version. */
class Server implements DraftCalls {
  current = application(1, {});
  saves: Answers[] = [];
  /** What happens instead of the next saves. */
  next: ((answers: Answers) => Error | null)[] = [];

  async load(): Promise<Application> {
    return this.current;
  }

  async save(version: number, answers: Answers): Promise<Application> {
    this.saves.push(answers);
    const error = this.next.shift()?.(answers);
    if (error) throw error;
    if (version !== this.current.version) throw conflict();
    this.current = application(version + 1, answers);
    return this.current;
  }
}

describe("a draft", () => {
  let server: Server;
  let draft: Draft;

  beforeEach(() => {
    vi.useFakeTimers();
    server = new Server();
    draft = new Draft(server, server.current, () => {});
    return () => vi.useRealTimers();
  });

  it("saves once, a moment after the last of many changes", async () => {
    draft.edit({ a: "M" });
    draft.edit({ a: "Mi" });
    draft.edit({ a: "Mia" });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(server.saves).toEqual([{ a: "Mia" }]);
    expect(draft.state).toBe("saved");
  });

  it("sends nothing that the server has already", async () => {
    draft.edit({ a: 1 });
    expect(await draft.flush()).toBe(true);
    draft.edit({ a: 1 });
    expect(await draft.flush()).toBe(true);
    expect(server.saves).toHaveLength(1);
  });

  it("saves what was typed while it saved, over the new version", async () => {
    server.next.push(() => {
      draft.edit({ a: 2 });
      return null;
    });
    draft.edit({ a: 1 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.saves).toEqual([{ a: 1 }, { a: 2 }]);
    expect(server.current.answers).toEqual({ a: 2 });
    expect(draft.state).toBe("saved");
  });

  it("stops at a conflict and overwrites nothing until somebody decides", async () => {
    server.current = application(2, { a: "theirs" });
    draft.edit({ a: "mine" });
    expect(await draft.flush()).toBe(false);
    expect(draft.state).toBe("conflict");
    draft.edit({ a: "mine, more" });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.current.answers).toEqual({ a: "theirs" });
    await draft.settle("mine");
    expect(server.current.answers).toEqual({ a: "mine, more" });
    expect(draft.state).toBe("saved");
  });

  it("takes the other state when asked to", async () => {
    server.current = application(2, { a: "theirs" });
    draft.edit({ a: "mine" });
    await draft.flush();
    await draft.settle("theirs");
    expect(draft.answers).toEqual({ a: "theirs" });
    expect(draft.state).toBe("saved");
  });

  it("knows its own save again when only the answer was lost", async () => {
    server.next.push((answers) => {
      server.current = application(2, answers);
      return unreachable();
    });
    draft.edit({ a: " Mia " });
    await draft.flush();
    expect(draft.state).toBe("unreachable");
    server.current = application(2, { a: "Mia" }); // the server keeps texts without the blanks around
    await vi.advanceTimersByTimeAsync(6_000);
    expect(draft.state).toBe("saved");
  });

  it("tries again by itself when the town hall was out of reach", async () => {
    server.next.push(unreachable, unreachable);
    draft.edit({ a: 1 });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(server.current.answers).toEqual({ a: 1 });
    expect(draft.state).toBe("saved");
  });

  it("keeps what the server refused, with the reason", async () => {
    const refused = new Problem(422, "answers-faulty", "", "", [{ pointer: "/a", detail: "zu lang" }]);
    server.next.push(() => refused);
    draft.edit({ a: "x" });
    expect(await draft.flush()).toBe(false);
    expect(draft.state).toBe("refused");
    expect(draft.problem?.errors[0]?.detail).toBe("zu lang");
  });

  it("does an upload after what is unsaved, over the newest version, and goes on saving after it", async () => {
    draft.edit({ a: 1 });
    await draft.exclusively(async (version) => {
      expect(version).toBe(2);
      expect(server.current.answers).toEqual({ a: 1 });
      server.current = application(3, server.current.answers);
    });
    draft.edit({ a: 2 });
    expect(await draft.flush()).toBe(true);
    expect(server.current).toMatchObject({ version: 4, answers: { a: 2 } });
  });
});
