import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { answerAt, withAnswer } from "../src/forms/answers.ts";
import { partsOf, readDate } from "../src/forms/dates.ts";
import { visible, withoutHidden } from "../src/forms/rules.ts";
import { choices, holds, type JsonSchema, pointerOf, requiredNames, resolve } from "../src/forms/schema.ts";
import { validate } from "../src/forms/validate.ts";

const FORM = "../services/forms/src/forms/catalogue/data/youth-medical-exam";
const read = (name: string) => JSON.parse(readFileSync(`${FORM}/${name}`, "utf-8"));
const schema: JsonSchema = read("schema.json");
const example = read("schema.json").examples[0];

describe("validate", () => {
  it("has nothing against the form's own example", () => {
    expect(validate(schema, example)).toEqual([]);
  });

  it("names each missing field once, at its pointer", () => {
    const found = validate(schema, {});
    expect(found.map((one) => one.pointer)).toEqual((schema.required ?? []).map((name) => `/${name}`));
    expect(found[0]?.detail).toBe("Bitte wählen Sie eine der Möglichkeiten.");
  });

  it("points into lists and says the schema's own sentence", () => {
    const guardians = [
      { given_name: "Jörg", surname: "Beispiel" },
      { given_name: "4nna", surname: "Muster" },
    ];
    expect(validate(schema, { ...example, guardians })).toEqual([
      {
        pointer: "/guardians/1/given_name",
        detail: "Bitte nur Buchstaben, Leerzeichen, Bindestrich, Punkt und Apostroph verwenden.",
      },
    ]);
  });

  it("prefers the sentence of the branch that applies", () => {
    const [found] = validate(schema, { ...example, delivery: "portal-pdf", electronic_delivery: false });
    expect(found?.pointer).toBe("/electronic_delivery");
    expect(found?.detail).toContain("nur mit Ihrem Einverständnis");
  });

  it("still answers rightly after a part of the schema was looked at alone", () => {
    requiredNames(schema, example, schema); // the validator once wrote addresses into a shared schema
    expect(validate(schema, example)).toEqual([]);
  });
});

describe("schema", () => {
  it("follows references, and what stands beside one wins", () => {
    const field = resolve(schema.properties?.surname ?? {}, schema);
    expect(field).toMatchObject({ title: "Familienname", type: "string", maxLength: 120 });
  });

  it("knows what a branch makes necessary", () => {
    expect(requiredNames(schema, {}, schema).has("employer_name")).toBe(false);
    expect(requiredNames(schema, { exam_type: "follow-up" }, schema).has("employer_name")).toBe(true);
  });

  it("offers choices by oneOf and by enum", () => {
    expect(choices({ oneOf: [{ const: "a", title: "A" }] })).toEqual([{ value: "a", label: "A" }]);
    expect(choices({ enum: ["x"] }, { labels: { x: "X" } })).toEqual([{ value: "x", label: "X" }]);
    expect(choices({ type: "string" })).toBeNull();
  });

  it("turns scopes into pointers", () => {
    expect(pointerOf("#/properties/person/properties/given_name")).toBe("/person/given_name");
    expect(pointerOf("#/properties/a~1b", "/list/0")).toBe("/list/0/a~1b");
  });

  it("judges values", () => {
    expect(holds({ enum: [1, 2] }, 2)).toBe(true);
    expect(holds({ enum: [1, 2] }, 3)).toBe(false);
  });
});

describe("rules", () => {
  const ui = {
    type: "VerticalLayout",
    elements: [
      { type: "Control", scope: "#/properties/kind" },
      {
        type: "Control",
        scope: "#/properties/date",
        rule: { effect: "SHOW", condition: { scope: "#/properties/kind", schema: { const: "again" } } },
      },
    ],
  } as const;

  it("hides what its condition does not allow, unanswered included", () => {
    expect(visible(ui.elements[1], {})).toBe(false);
    expect(visible(ui.elements[1], { kind: "first" })).toBe(false);
    expect(visible(ui.elements[1], { kind: "again" })).toBe(true);
  });

  it("sends no answer of a hidden field", () => {
    const date = "2026-01-01";
    expect(withoutHidden({ kind: "first", date }, ui)).toEqual({ kind: "first" });
    expect(withoutHidden({ kind: "again", date }, ui)).toEqual({ kind: "again", date });
  });

  it("joins conditions", () => {
    const kind = { scope: "#/properties/kind", schema: { const: "a" } };
    const level = { scope: "#/properties/level", schema: { minimum: 2 } };
    const either = {
      type: "Group",
      rule: { effect: "SHOW", condition: { type: "OR", conditions: [kind, level] } },
    } as const;
    const both = {
      type: "Group",
      rule: { effect: "HIDE", condition: { type: "AND", conditions: [kind, level] } },
    } as const;
    expect(visible(either, { kind: "b", level: 3 })).toBe(true);
    expect(visible(either, { kind: "b", level: 1 })).toBe(false);
    expect(visible(both, { kind: "a", level: 3 })).toBe(false);
    expect(visible(both, { kind: "a", level: 1 })).toBe(true);
  });
});

describe("answers", () => {
  it("writes into lists and objects that are not there yet, and leaves the old ones alone", () => {
    const before = { a: 1 };
    const after = withAnswer(before, "/people/0/name", "Mia");
    expect(after).toEqual({ a: 1, people: [{ name: "Mia" }] });
    expect(before).toEqual({ a: 1 });
    expect(withAnswer(after, "/people/1/name", "Jörg")).toEqual({ a: 1, people: [{ name: "Mia" }, { name: "Jörg" }] });
  });

  it("takes an answer out", () => {
    expect(withAnswer({ a: 1, b: { c: 2 } }, "/b/c", undefined)).toEqual({ a: 1, b: {} });
    expect(answerAt({ b: { c: 2 } }, "/b/c")).toBe(2);
    expect(answerAt({}, "/b/c/d")).toBeUndefined();
  });
});

describe("dates", () => {
  it.each([
    [{ day: "4", month: "5", year: "2010" }, "2010-05-04"],
    [{ day: "29", month: "02", year: "2028" }, "2028-02-29"],
  ])("reads %o", (parts, date) => {
    expect(readDate(parts)).toEqual({ state: "date", date });
  });

  it.each([
    [{ day: "29", month: "2", year: "2027" }, "impossible"],
    [{ day: "00", month: "5", year: "2010" }, "impossible"],
    [{ day: "x", month: "5", year: "2010" }, "impossible"],
    [{ day: "4", month: "", year: "2010" }, "incomplete"],
    [{ day: "4", month: "5", year: "10" }, "incomplete"],
    [{ day: "", month: "", year: "" }, "empty"],
  ])("does not take %o for a date", (parts, state) => {
    expect(readDate(parts)).toEqual({ state });
  });

  it("lets an identity card leave out the day, or day and month", () => {
    expect(readDate({ day: "00", month: "05", year: "2010" }, true)).toEqual({ state: "date", date: "2010-05-00" });
    expect(readDate({ day: "00", month: "00", year: "2010" }, true)).toEqual({ state: "date", date: "2010-00-00" });
    expect(readDate({ day: "00", month: "13", year: "2010" }, true)).toEqual({ state: "impossible" });
    expect(readDate({ day: "04", month: "00", year: "2010" }, true)).toEqual({ state: "impossible" });
  });

  it("shows a date again as its parts", () => {
    expect(partsOf("2010-05-04")).toEqual({ day: "04", month: "05", year: "2010" });
    expect(partsOf(undefined)).toEqual({ day: "", month: "", year: "" });
  });
});
