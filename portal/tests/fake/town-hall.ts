import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { CHROME, FIREFOX, MESSAGE_TEXT, MESSAGES, OFFICE } from "./samples.ts";

/**
 * A test double of the services' HTTP interface: one process, in memory, with the real form's schema. It is there for the
 * portal's own tests and for looking at pages; the browser test of the repository runs against the real town hall.
 */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

interface Stored {
  id: string;
  version: number;
  status: string;
  reference: string;
  changedAt: string;
  submittedAt: string | null;
  answers: Record<string, unknown>;
  attachments: Record<string, unknown>[];
}

const FORM = join(import.meta.dirname, "../../../services/forms/src/forms/catalogue/data/youth-medical-exam");
const read = (name: string): string => readFileSync(join(FORM, name), "utf-8");
const json = (name: string): Record<string, unknown> => JSON.parse(read(name));

export const PASSWORD = "ein langes gutes Passwort";
export const CODE = "123456";
const SECONDS = 1_000;
const HOUR = 3_600 * SECONDS;

const problem = (status: number, slug: string, title: string, more: object = {}): Reply => ({
  status,
  headers: { "content-type": "application/problem+json" },
  body: {
    type: `urn:rathaus:problem:${slug}`,
    title,
    status,
    detail: title,
    instance: "/",
    errors: [],
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    ...more,
  },
});
const ok = (body: unknown, version?: number): Reply => ({
  status: 200,
  body,
  ...(version === undefined ? {} : { headers: { etag: `"${version}"` } }),
});

type Handler = (call: Call, ...params: string[]) => Reply;

export class FakeTownHall {
  signedIn = false;
  linked = false;
  applications = new Map<string, Stored>();
  reservations = new Map<string, Record<string, string>>();
  /** How the next calls to a path fail, each once. */
  failures: { path: RegExp; reply: Reply }[] = [];
  calls: Call[] = [];
  /** Runs the application forward by itself when it is looked at, as time goes on. */
  private submittedAt = new Map<string, number>();
  private readonly about = parse(read("service.yaml"));
  private counter = 0;

  private readonly routes: readonly [method: string, pattern: RegExp, handler: Handler, open?: boolean][] = [
    ["POST", /identity\/v1\/\d+\/accounts$/, () => ({ status: 202, body: { account_id: this.id() } }), true],
    ["POST", /accounts\/[^/]+\/verification$/, (call) => this.verify(call), true],
    ["POST", /identity\/v1\/\d+\/sessions$/, (call) => this.signIn(call), true],
    ["POST", /sessions\/refresh$/, () => (this.signedIn ? ok(this.session()) : this.unauthorized()), true],
    ["GET", /identity\/v1\/\d+\/sessions$/, () => ok({ sessions: this.sessions() })],
    ["DELETE", /sessions\/([^/]+)$/, (_, id) => this.endSession(id ?? "")],
    ["GET", /identity\/v1\/\d+\/account$/, () => ok(this.account())],
    ["POST", /identity\/v1\/(\d+)\/links$/, (call) => this.beginLink(call)],
    ["POST", /links\/[^/]+\/completion$/, () => this.completeLink()],
    ["GET", /forms\/v1\/\d+\/services$/, () => ok({ services: [this.service()] }), true],
    ["GET", /forms\/v1\/\d+\/services\/([^/]+)$/, () => ok(this.service()), true],
    ["POST", /forms\/v1\/\d+\/applications$/, () => this.start()],
    [
      "GET",
      /forms\/v1\/\d+\/applications$/,
      () => ok({ applications: [...this.applications.keys()].reverse().map((id) => this.shown(id)), next: null }),
    ],
    ["GET", /applications\/([^/]+)$/, (_, id) => this.load(id ?? "")],
    ["PUT", /applications\/([^/]+)\/answers$/, (call, id) => this.save(call, id ?? "")],
    ["POST", /applications\/([^/]+)\/attachments$/, (call, id) => this.attach(call, id ?? "")],
    [
      "DELETE",
      /applications\/([^/]+)\/attachments\/([^/]+)$/,
      (call, id, one) => this.detach(call, id ?? "", one ?? ""),
    ],
    ["POST", /applications\/([^/]+)\/submission$/, (call, id) => this.submit(call, id ?? "")],
    ["GET", /appointments\/v1\/\d+\/offices$/, () => ok({ offices: [OFFICE] }), true],
    ["GET", /offices\/[^/]+\/slots$/, (call) => ok({ slots: this.slots(call.query.get("from") ?? "") }), true],
    ["GET", /reservations$/, () => ok({ reservations: [...this.reservations.values()] })],
    ["POST", /reservations$/, (call) => this.reserve(call)],
    ["GET", /reservations\/([^/]+)$/, (_, id) => ok(this.reservations.get(id ?? ""))],
    ["DELETE", /reservations\/([^/]+)$/, (_, id) => this.release(id ?? "")],
    ["GET", /notify\/v1\/\d+\/messages$/, () => ok({ messages: MESSAGES })],
    [
      "GET",
      /messages\/([^/]+)$/,
      (_, id) => ok({ ...MESSAGES.find((one) => one.message_id === id), text: MESSAGE_TEXT }),
    ],
    ["GET", /submissions\/([^/]+)$/, (_, id) => this.evidence(id ?? "")],
  ];

  handle(call: Call): Reply {
    this.calls.push(call);
    const failure = this.failures.findIndex((one) => one.path.test(`${call.method} ${call.path}`));
    if (failure >= 0) return this.failures.splice(failure, 1)[0]?.reply ?? problem(500, "test", "Test");
    for (const [method, pattern, handler, open] of this.routes) {
      const found = method === call.method ? pattern.exec(call.path) : null;
      if (!found) continue;
      return open || this.signedIn ? handler(call, ...found.slice(1)) : this.unauthorized();
    }
    return problem(404, "not-found", "Das gibt es hier nicht.");
  }

  private id(): string {
    this.counter += 1;
    return `00000000-0000-4000-8000-${String(this.counter).padStart(12, "0")}`;
  }

  private unauthorized(): Reply {
    return problem(401, "signed-out", "Bitte melden Sie sich an.");
  }

  private session() {
    return { session_id: "s1", account_id: "a1", level: this.level(), linked: this.linked, expires_in: 300 };
  }

  private level(): string {
    return this.linked ? "hoch" : "basis";
  }

  private account() {
    const linkedAt = this.linked ? "2026-11-25T09:30:00Z" : null;
    return {
      account_id: "a1",
      email: "mia@example.org",
      level: this.level(),
      linked: this.linked,
      linked_at: linkedAt,
    };
  }

  private sessions() {
    const at = "2026-11-25T09:12:00Z";
    return [
      { session_id: "s1", opened_at: at, refreshed_at: at, level: this.level(), device: CHROME, current: true },
      {
        session_id: "s2",
        opened_at: "2026-11-20T17:40:00Z",
        refreshed_at: at,
        level: "basis",
        device: FIREFOX,
        current: false,
      },
    ];
  }

  private verify(call: Call): Reply {
    if (JSON.parse(call.body).code === CODE) return { status: 204 };
    return problem(422, "code-wrong", "Der Code stimmt nicht. Sie haben noch 4 Versuche.");
  }

  private signIn(call: Call): Reply {
    if (JSON.parse(call.body).password !== PASSWORD) return problem(401, "sign-in-refused", "Anmeldung abgelehnt");
    this.signedIn = true;
    return { status: 201, body: this.session() };
  }

  private endSession(id: string): Reply {
    if (id === "current" || id === "s1") this.signedIn = false;
    return { status: 204 };
  }

  private beginLink(call: Call): Reply {
    if (JSON.parse(call.body).password !== PASSWORD)
      return problem(422, "password-wrong", "Das Passwort stimmt nicht.");
    const back = "/tangerhuette/landeskonto?code=c1&state=s1&iss=urn:fake";
    return { status: 201, body: { link_id: this.id(), authorization_url: back, expires_at: "2026-11-25T10:00:00Z" } };
  }

  private completeLink(): Reply {
    this.linked = true;
    return ok(this.session());
  }

  private service() {
    const { slug, version, title, summary, level, leika_key, uploads } = this.about;
    const files = uploads.map((one: object) => ({ required_when: {}, ...one }));
    return {
      slug,
      version,
      title,
      summary,
      level,
      leika_key,
      uploads: files,
      schema: json("schema.json"),
      ui: json("ui.json"),
    };
  }

  private start(): Reply {
    const id = this.id();
    const now = new Date().toISOString();
    const reference = `TAN-2026-7K3M9${this.counter}`;
    this.applications.set(id, {
      id,
      version: 1,
      status: "draft",
      reference,
      changedAt: now,
      submittedAt: null,
      answers: {},
      attachments: [],
    });
    return { status: 201, body: this.shown(id), headers: { etag: '"1"' } };
  }

  private shown(id: string) {
    const one = this.applications.get(id) as Stored;
    this.advance(one);
    return {
      application_id: one.id,
      service: "youth-medical-exam",
      status: one.status,
      reference: one.reference,
      version: one.version,
      created_at: one.changedAt,
      changed_at: one.changedAt,
      answers: one.answers,
      attachments: one.attachments,
      submitted_at: one.submittedAt,
      reasons: [],
    };
  }

  private advance(one: Stored): void {
    const passed = Date.now() - (this.submittedAt.get(one.id) ?? Number.POSITIVE_INFINITY);
    const next = passed > 4 * SECONDS ? "accepted" : passed > 2 * SECONDS ? "forwarded" : one.status;
    if (next === one.status || one.status === "draft") return;
    one.status = next;
    one.changedAt = new Date().toISOString();
  }

  status(id: string) {
    const { status, version, changed_at } = this.shown(id);
    return { status, version, changed_at };
  }

  private load(id: string): Reply {
    const one = this.applications.get(id);
    if (!one) return problem(404, "not-found", "Diesen Antrag gibt es nicht.");
    return ok(this.shown(id), one.version);
  }

  private changing(call: Call, id: string, change: (one: Stored) => void): Reply {
    const one = this.applications.get(id);
    if (!one) return problem(404, "not-found", "Diesen Antrag gibt es nicht.");
    if (call.headers["if-match"] !== `"${one.version}"`)
      return problem(412, "version-conflict", "Der Antrag wurde inzwischen geändert.");
    change(one);
    one.version += 1;
    return this.load(id);
  }

  private save(call: Call, id: string): Reply {
    return this.changing(call, id, (one) => {
      one.answers = JSON.parse(call.body).answers;
    });
  }

  private attach(call: Call, id: string): Reply {
    if (!/^(%PDF|\xff\xd8|\u0089PNG)/.test(call.body))
      return problem(415, "media-type", "Der Inhalt der Datei ist kein PDF, JPG oder PNG.");
    const name = decodeURIComponent(call.headers["content-disposition"]?.split("''")[1] ?? "datei");
    const attachment = {
      attachment_id: this.id(),
      field: call.query.get("field"),
      media_type: call.headers["content-type"],
      size: call.body.length,
      filename: name,
    };
    const reply = this.changing(call, id, (one) => one.attachments.push(attachment));
    return reply.status === 200 ? { ...reply, status: 201, body: attachment } : reply;
  }

  private detach(call: Call, id: string, attachment: string): Reply {
    const reply = this.changing(call, id, (one) => {
      one.attachments = one.attachments.filter((held) => held.attachment_id !== attachment);
    });
    return reply.status === 200 ? { status: 204 } : reply;
  }

  private submit(call: Call, id: string): Reply {
    const given = this.applications.get(id)?.answers ?? {};
    if (given.postal_code === "99999") {
      const detail = "Für diese Postleitzahl ist eine andere Gemeinde zuständig.";
      return problem(422, "answers", "Einige Angaben passen nicht.", {
        errors: [{ pointer: "/answers/postal_code", detail }],
      });
    }
    const reply = this.changing(call, id, (one) => {
      one.status = "submitted";
      one.changedAt = new Date().toISOString();
      one.submittedAt = one.changedAt;
      this.submittedAt.set(id, Date.now());
    });
    return reply.status === 200 ? { ...reply, status: 202 } : reply;
  }

  private slots(from: string) {
    const found = [];
    for (let day = 0; day < 14; day += 1) {
      const start = new Date(`${from}T08:00:00Z`).getTime() + day * 24 * HOUR;
      if ([0, 6].includes(new Date(start).getUTCDay())) continue;
      for (let slot = 0; slot < 6; slot += 1) {
        const at = start + slot * HOUR * 0.5;
        const starts_at = new Date(at).toISOString();
        found.push({
          starts_at,
          ends_at: new Date(at + HOUR / 3).toISOString(),
          free: this.taken.has(starts_at) ? 0 : 1,
        });
      }
    }
    return found;
  }

  taken = new Set<string>();

  private reserve(call: Call): Reply {
    const { starts_at } = JSON.parse(call.body);
    if (this.taken.has(starts_at)) return problem(409, "slot-taken", "Der Termin ist nicht mehr frei.");
    this.taken.add(starts_at);
    const id = this.id();
    const ends_at = new Date(new Date(starts_at).getTime() + HOUR / 3).toISOString();
    const reservation = {
      reservation_id: id,
      office: OFFICE.office,
      office_name: OFFICE.name,
      place: OFFICE.place,
      starts_at,
      ends_at,
      status: "reserved",
    };
    this.reservations.set(id, reservation);
    return { status: 201, body: reservation };
  }

  private release(id: string): Reply {
    const one = this.reservations.get(id);
    if (one) one.status = "released";
    return { status: 204 };
  }

  private evidence(id: string): Reply {
    const state = this.applications.get(id)?.status;
    if (state === "draft" || state === "submitted") return problem(404, "not-found", "Noch nicht weitergeleitet.");
    return ok({
      application_id: id,
      destination: "Untersuchungsstelle (Probebetrieb)",
      case_id: "3f1c2a9e-5a8d-4c61-9d0e-6f2b7a1c4e55",
      sent_at: this.applications.get(id)?.submittedAt,
      state,
    });
  }
}
