import { beforeEach, describe, expect, it } from "vitest";
import { safeReturn } from "../src/frame/signed-in.tsx";
import { browserOf } from "../src/pages/account.tsx";
import { match } from "../src/router.tsx";
import { optionalText, plural, preferredLanguage, setLanguage, t } from "../src/texts.ts";
import { dayOf, longDay, plainDate, time } from "../src/times.ts";
import german from "../texts/de.json";
import simple from "../texts/de-simple.json";
import english from "../texts/en.json";

describe("texts", () => {
  beforeEach(() => setLanguage("de"));

  it("fills in values and counts", () => {
    expect(t("code.lead", { email: "mia@example.org" })).toContain("mia@example.org");
    expect(plural("appointments.free", 1)).toBe("1 Zeit frei");
    expect(plural("appointments.free", 5)).toBe("5 Zeiten frei");
    expect(optionalText("problem.no-such-kind")).toBeUndefined();
  });

  it("answers in German what another language lacks", async () => {
    await setLanguage("en");
    expect(document.documentElement.lang).toBe("en");
    expect(t("nav.start")).toBe("Home");
    expect(t("imprint.title")).toBe("Impressum");
  });

  it("are asked for by address, then by the last choice", () => {
    expect(preferredLanguage("?sprache=de-simple", "en")).toBe("de-simple");
    expect(preferredLanguage("", "en")).toBe("en");
    expect(preferredLanguage("?sprache=xx", null)).toBe("de");
  });

  it("have no keys that German lacks", () => {
    for (const key of [...Object.keys(english), ...Object.keys(simple)]) expect(german).toHaveProperty([key]);
  });
});

describe("times", () => {
  it("are the town hall's, in summer and in winter", () => {
    expect(time("2026-11-25T08:00:00Z")).toBe("09:00 Uhr");
    expect(time("2026-07-01T08:00:00Z")).toBe("10:00 Uhr");
    expect(dayOf("2026-12-31T23:30:00Z")).toBe("2027-01-01");
    expect(longDay("2026-11-25T08:00:00Z")).toBe("Mittwoch, 25. November 2026");
  });

  it("shows plain dates, and leaves alone what is none", () => {
    expect(plainDate("2010-05-04")).toBe("4. Mai 2010");
    expect(plainDate("2010-05-00")).toBe("05.2010");
    expect(plainDate("2010-00-00")).toBe("2010");
    expect(plainDate("bald")).toBe("bald");
  });
});

describe("routes", () => {
  it("match by their parts", () => {
    expect(match("/:town/antraege/:id", "/musterland/antraege/a1")).toEqual({ town: "musterland", id: "a1" });
    expect(match("/:town/antraege/:id", "/musterland/antraege")).toBeNull();
    expect(match("/:town", "/%E0%A4%A")).toEqual({ town: "%E0%A4%A" });
  });

  it("lead back only to pages of the same municipality", () => {
    expect(safeReturn("/musterland/konto?a=1", "musterland")).toBe("/musterland/konto?a=1");
    for (const wanted of [
      null,
      "//evil.example",
      "https://evil.example/musterland/",
      "/tangerhuette/",
      "/musterlandx/",
    ])
      expect(safeReturn(wanted, "musterland")).toBe("/musterland/uebersicht");
  });
});

describe("devices", () => {
  it.each([
    [
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
      "Chrome auf Linux",
    ],
    ["Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox auf Android"],
    ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0", "Edge auf Windows"],
    ["python-httpx/0.28", "Unbekanntes Gerät"],
  ])("have names", (agent, name) => {
    expect(browserOf(agent)).toBe(name);
  });
});
