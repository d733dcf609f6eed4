import { beforeEach, describe, expect, it, vi } from "vitest";
import { SESSION_ENDED, sendWithSession, versionOf } from "../src/api/client.ts";
import { services, submit } from "../src/api/forms.ts";
import { keyOf, passingKeyOf, settle, settlePassing } from "../src/api/keys.ts";
import { Problem, readProblem } from "../src/api/problem.ts";
import { encodeName } from "../src/api/upload.ts";

const ARS = "150900546546";
const PATH = `/api/forms/v1/${ARS}/applications`;
const NO_HEADERS = new Headers();

const answer = (status: number, body: unknown = {}, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });

beforeEach(() => localStorage.clear());

describe("the session", () => {
  it("is renewed once for many calls at the same time, which are then sent again", async () => {
    const refresh = vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer(200));
    const sent = new Map<number, number>();
    const call = (name: number) =>
      sendWithSession(PATH, "GET", async () => {
        sent.set(name, (sent.get(name) ?? 0) + 1);
        return { status: sent.get(name) === 1 ? 401 : 200 };
      });
    const answers = await Promise.all([call(1), call(2), call(3)]);
    expect(answers.map((one) => one.status)).toEqual([200, 200, 200]);
    expect(refresh).toHaveBeenCalledTimes(1);
    expect(refresh.mock.calls[0]?.[0]).toBe(`/api/identity/v1/${ARS}/sessions/refresh`);
  });

  it("is not renewed when another tab has just done so", async () => {
    const refresh = vi.spyOn(globalThis, "fetch");
    let tries = 0;
    await sendWithSession(PATH, "GET", async () => {
      tries += 1;
      if (tries > 1) return { status: 200 };
      localStorage.setItem("rathaus.refreshed", String(Date.now() + 1));
      return { status: 401 };
    });
    expect(tries).toBe(2);
    expect(refresh).not.toHaveBeenCalled();
  });

  it("says that it has ended when it cannot be renewed", async () => {
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer(401));
    const ended = vi.fn();
    addEventListener(SESSION_ENDED, ended, { once: true });
    const last = await sendWithSession(PATH, "GET", async () => ({ status: 401 }));
    expect(last.status).toBe(401);
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it("does not take a wrong password for an old token", async () => {
    const refresh = vi.spyOn(globalThis, "fetch");
    await sendWithSession(`/api/identity/v1/${ARS}/sessions`, "POST", async () => ({ status: 401 }));
    expect(refresh).not.toHaveBeenCalled();
  });
});

describe("a submission", () => {
  it("keeps its key until it has an answer, and its next attempt gets another", async () => {
    const keys: (string | null)[] = [];
    const calls = vi.spyOn(globalThis, "fetch").mockImplementation(async (request) => {
      keys.push((request as Request).headers.get("idempotency-key"));
      expect((request as Request).headers.get("if-match")).toBe('"7"');
      if (keys.length === 1) throw new TypeError("Failed to fetch"); // the answer was lost
      return answer(202, {});
    });
    await expect(submit(ARS, "a1", 7)).rejects.toMatchObject({ kind: "unreachable" });
    await submit(ARS, "a1", 7);
    await submit(ARS, "a1", 7);
    expect(calls).toHaveBeenCalledTimes(3);
    expect(keys[0]).toBeTruthy();
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[1]);
  });

  it("never stores what must not be stored", () => {
    const key = passingKeyOf("link 15 geheim");
    expect(passingKeyOf("link 15 geheim")).toBe(key);
    expect(JSON.stringify({ ...localStorage })).not.toContain("geheim");
    settlePassing("link 15 geheim");
    expect(passingKeyOf("link 15 geheim")).not.toBe(key);
    const kept = keyOf("submit a1");
    expect(keyOf("submit a1")).toBe(kept);
    settle("submit a1");
    expect(keyOf("submit a1")).not.toBe(kept);
  });
});

describe("a problem", () => {
  it("is read with its kind, pointers and trace", () => {
    const body = {
      type: "urn:rathaus:problem:answers-faulty",
      title: "Der Antrag ist noch nicht vollständig.",
      status: 422,
      detail: "",
      errors: [{ pointer: "/answers/given_name", detail: "fehlt" }],
      traceId: "4bf9",
    };
    const problem = readProblem(422, body, NO_HEADERS);
    expect(problem.kind).toBe("answers-faulty");
    expect(problem.errors).toEqual([{ pointer: "/given_name", detail: "fehlt" }]);
    expect(problem.traceId).toBe("4bf9");
    expect(problem.sentence).toBe("Der Antrag ist noch nicht vollständig.");
    expect(problem.is("422")).toBe(true);
    expect(problem.is("answers-faulty")).toBe(true);
    expect(problem.is("404")).toBe(false);
  });

  it("is made of any other answer, too", () => {
    const problem = readProblem(503, "<html>", new Headers({ "retry-after": "7" }));
    expect(problem.sentence).toBe("Das Rathaus ist gerade überlastet. Bitte versuchen Sie es gleich noch einmal.");
    expect(problem.retryAfter).toBe(7);
    expect(readProblem(418, null, NO_HEADERS).sentence).toBe("Das hat leider nicht geklappt.");
  });

  it("is thrown by a call that was refused, and by one without an answer", async () => {
    const fetching = vi.spyOn(globalThis, "fetch").mockImplementation(async () => answer(404, { title: "Weg" }));
    await expect(services(ARS)).rejects.toMatchObject({ status: 404, title: "Weg" });
    fetching.mockImplementation(async () => {
      throw new TypeError("Failed to fetch");
    });
    const failed = await services(ARS).catch((error: unknown) => error as Problem);
    expect(failed).toBeInstanceOf(Problem);
    expect((failed as Problem).unreachable).toBe(true);
  });
});

describe("headers", () => {
  it("carry versions and names of files", () => {
    expect(versionOf('"12"')).toBe(12);
    expect(versionOf('W/"12"')).toBe(12);
    expect(versionOf(null)).toBe(-1);
    expect(encodeName("Müller's (Kopie).pdf")).toBe("M%C3%BCller%27s%20%28Kopie%29.pdf");
  });
});
