import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Portal } from "../src/portal.tsx";
import { navigate } from "../src/router.tsx";
import { municipalities } from "../vite.config.ts";
import { FakeTownHall, PASSWORD, type Reply } from "./fake/town-hall.ts";

const FIRST = "00000000-0000-4000-8000-000000000001";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

let townHall: FakeTownHall;

async function answer(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = input instanceof Request ? input : new Request(new URL(String(input), location.href), init);
  const url = new URL(request.url);
  if (url.pathname === "/municipalities.json") return new Response(JSON.stringify(municipalities()));
  const reply = townHall.handle({
    method: request.method,
    path: url.pathname,
    query: url.searchParams,
    headers: Object.fromEntries([...request.headers].map(([name, value]) => [name.toLowerCase(), value])),
    body: await request.text(),
  });
  const headers = { "content-type": "application/json", ...reply.headers };
  return new Response(reply.body === undefined ? null : JSON.stringify(reply.body), { status: reply.status, headers });
}

function failing(status: number, kind: string, more: object = {}): Reply {
  const type = `urn:rathaus:problem:${kind}`;
  return { status, body: { type, title: kind, status, detail: "", errors: [], traceId: TRACE, ...more } };
}

function open(path: string, { signedIn = true } = {}): void {
  townHall.signedIn = signedIn;
  if (signedIn) localStorage.setItem("rathaus.signed-in", "150900546546");
  navigate(`/tangerhuette${path}`);
  render(<Portal />);
}

function sampleAnswers(): Record<string, unknown> {
  const path = "/api/forms/v1/150900546546/services/youth-medical-exam";
  const reply = townHall.handle({ method: "GET", path, query: new URLSearchParams(), headers: {}, body: "" });
  const { schema } = reply.body as { schema: { examples: Record<string, unknown>[] } };
  return schema.examples[0] ?? {};
}

const button = (name: string | RegExp) => screen.findByRole("button", { name });
const heading = (name: string) => screen.findByRole("heading", { name, level: 1 });
const type = (label: string | RegExp, value: string) =>
  fireEvent.input(screen.getByLabelText(label), { target: { value } });
const calls = (method: string, path: RegExp) =>
  townHall.calls.filter((call) => call.method === method && path.test(call.path));

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  townHall = new FakeTownHall();
  vi.spyOn(globalThis, "fetch").mockImplementation(answer);
});
afterEach(cleanup);

describe("signing in", () => {
  it("comes back to the page that asked for it", async () => {
    open("/konto", { signedIn: false });
    await heading("Anmelden");
    type("E-Mail-Adresse", "mia@example.org");
    type("Passwort", PASSWORD);
    fireEvent.click(await button("Anmelden"));
    await heading("Mein Konto");
    expect(location.pathname).toBe("/tangerhuette/konto");
    await waitFor(() => expect(document.title).toBe("Mein Konto – Digitales Rathaus"));
  });

  it("is asked for once a session has run out, and says so", async () => {
    open("/uebersicht");
    await heading("Meine Übersicht");
    townHall.signedIn = false;
    navigate("/tangerhuette/konto");
    await screen.findByText("Ihre Sitzung ist abgelaufen");
    expect(calls("POST", /refresh$/)).toHaveLength(1);
    expect(location.search).toBe("?weiter=%2Ftangerhuette%2Fkonto");
  });

  it("ties each error to its field and lists them with links", async () => {
    open("/anmelden", { signedIn: false });
    await heading("Anmelden");
    fireEvent.click(await button("Anmelden"));
    const summary = await screen.findByRole("alert");
    expect(summary.textContent).toContain("Bitte prüfen Sie 2 Angaben");
    await waitFor(() => expect(document.activeElement).toBe(summary));
    const field = screen.getByLabelText("E-Mail-Adresse");
    expect(field.getAttribute("aria-invalid")).toBe("true");
    const described = document.getElementById(field.getAttribute("aria-describedby") ?? "");
    expect(described?.textContent).toContain("Bitte geben Sie eine E-Mail-Adresse an");
    fireEvent.click(screen.getByRole("link", { name: /Bitte geben Sie eine E-Mail-Adresse an/ }));
    expect(document.activeElement).toBe(field);
  });
});

describe("a failing call", () => {
  it("is told in German with the number to quote, and can be tried again", async () => {
    townHall.failures.push({ path: /services$/, reply: failing(503, "unavailable", { title: "" }) });
    open("/", { signedIn: false });
    await screen.findByText("Das Rathaus ist gerade überlastet. Bitte versuchen Sie es gleich noch einmal.");
    screen.getByText(TRACE);
    fireEvent.click(await button("Noch einmal versuchen"));
    await screen.findByRole("link", { name: "Erstuntersuchung für jugendliche Azubis" });
  });
});

describe("an application", () => {
  const begin = async () => {
    open("/dienste/youth-medical-exam");
    fireEvent.click(await button("Antrag beginnen"));
    await heading("Worum geht es?");
  };

  it("shows and hides fields by their rules and saves without the hidden ones", async () => {
    await begin();
    expect(screen.queryByRole("group", { name: /Datum der letzten/ })).toBeNull();
    fireEvent.click(screen.getByLabelText("Nachuntersuchung"));
    await screen.findByRole("group", { name: /Datum der letzten/ });
    for (const [part, value] of [
      ["Tag", "1"],
      ["Monat", "2"],
      ["Jahr", "2026"],
    ] as const)
      type(part, value);
    fireEvent.click(screen.getByLabelText("Erstuntersuchung"));
    await waitFor(() => expect(screen.queryByRole("group", { name: /Datum der letzten/ })).toBeNull());
    await waitFor(() => expect(townHall.applications.get(FIRST)?.answers).toMatchObject({ exam_type: "first" }), {
      timeout: 3_000,
    });
    expect(townHall.applications.get(FIRST)?.answers).not.toHaveProperty("previous_exam_date");
  });

  it("asks which state to keep when the draft was changed elsewhere", async () => {
    await begin();
    const stored = townHall.applications.get(FIRST);
    if (!stored) throw new Error("no application");
    stored.version += 1;
    stored.answers = { exam_type: "further-follow-up" };
    fireEvent.click(screen.getByLabelText("Erstuntersuchung"));
    await screen.findByText("Dieser Entwurf wurde an anderer Stelle geändert", {}, { timeout: 4_000 });
    fireEvent.click(await button("Mit dem anderen Stand"));
    await waitFor(() => expect(screen.getByLabelText<HTMLInputElement>("Weitere Nachuntersuchung").checked).toBe(true));
  });

  it("shows at its field what the server finds wrong when it is handed in", async () => {
    await begin();
    const stored = townHall.applications.get(FIRST);
    const example = sampleAnswers();
    if (stored) stored.answers = { ...example, postal_code: "99999" };
    navigate(`/tangerhuette/antraege/${FIRST}/pruefen`);
    fireEvent.click(await button("Antrag abschicken"));
    const link = await screen.findByRole("link", { name: /Postleitzahl: Für diese Postleitzahl/ });
    expect(link.getAttribute("href")).toBe(`/tangerhuette/antraege/${FIRST}/bearbeiten?schritt=3#f-postal_code`);
  });

  it("is handed in once, however often the button is pressed", async () => {
    await begin();
    const stored = townHall.applications.get(FIRST);
    const example = sampleAnswers();
    if (stored) stored.answers = example;
    navigate(`/tangerhuette/antraege/${FIRST}/pruefen`);
    const send = await button("Antrag abschicken");
    send.click(); // both before the page is drawn again
    send.click();
    await waitFor(() => expect(location.pathname).toBe(`/tangerhuette/antraege/${FIRST}`));
    expect(calls("POST", /submission$/)).toHaveLength(1);
  });
});

describe("a reservation", () => {
  it("shows what is still free when somebody else was faster", async () => {
    open("/termine");
    fireEvent.click((await screen.findAllByRole("radio"))[0] as HTMLElement);
    const time = await screen.findByLabelText<HTMLInputElement>("10:00 Uhr");
    fireEvent.click(time);
    townHall.failures.push({ path: /POST.*reservations$/, reply: failing(409, "slot-taken") });
    fireEvent.click(await button("Verbindlich reservieren"));
    await screen.findByText("Dieser Termin ist gerade vergeben worden");
    await waitFor(() => expect(calls("GET", /slots$/)).toHaveLength(2));
    fireEvent.click(await screen.findByLabelText("10:30 Uhr"));
    fireEvent.click(await button("Verbindlich reservieren"));
    await screen.findByText("Ihr Termin ist reserviert");
  });
});
