import type { OutputUnit } from "@cfworker/json-schema";
import type { Answers } from "../api/forms.ts";
import type { FieldProblem } from "../api/problem.ts";
import { optionalText, t } from "../texts.ts";
import { choices, type JsonSchema, nameOf, schemaOfPointer, validatorOf } from "./schema.ts";

/** Keywords that only say that something below them is wrong; the something has an error of its own. */
const WRAPPERS = new Set(["$ref", "properties", "items", "prefixItems", "allOf", "then", "else", "if"]);

/**
 * What is wrong with the answers, one error per field at most. The server judges by the same schema; this only says it
 * earlier. The texts are ours, by keyword and format.
 */
export function validate(schema: JsonSchema, answers: Answers): FieldProblem[] {
  const result = validatorOf(schema).validate(answers);
  const found = new Map<string, FieldProblem>();
  for (const unit of result.errors) {
    const problem = WRAPPERS.has(unit.keyword) ? null : read(unit, schema);
    if (problem && !found.has(problem.pointer)) found.set(problem.pointer, problem);
  }
  return [...found.values()];
}

function read(unit: OutputUnit, schema: JsonSchema): FieldProblem | null {
  const at = unit.instanceLocation.replace(/^#/, "");
  if (unit.keyword === "required") {
    const name = /property "(.*)"\.?$/.exec(unit.error)?.[1];
    return name === undefined ? null : missing(`${at}/${name}`, schema);
  }
  return { pointer: at, detail: sentence(unit, schemaOfPointer(at, schema), schema) };
}

function missing(pointer: string, schema: JsonSchema): FieldProblem {
  const field = schemaOfPointer(pointer, schema);
  if (field.const !== undefined) return { pointer, detail: field["x-error"] ?? t("field.error.const") };
  return { pointer, detail: t(choices(field) ? "field.error.enum" : "field.error.required") };
}

/** The schema's own sentence at the keyword that failed, else at the field, else ours for the keyword. */
function sentence(unit: OutputUnit, field: JsonSchema, root: JsonSchema): string {
  const own = holderOf(unit.keywordLocation, root)["x-error"] ?? field["x-error"];
  if (own) return own;
  const limit = (field as Record<string, unknown>)[unit.keyword];
  const name = unit.keyword === "format" ? `format.${field.format}` : unit.keyword;
  return optionalText(`field.error.${name}`, { limit: String(limit) }) ?? t("field.error.other");
}

/** The schema that a keyword stands in; empty where the way leads through a `$ref`. */
function holderOf(keywordLocation: string, root: JsonSchema): JsonSchema {
  let schema: unknown = root;
  for (const token of keywordLocation.replace(/^#\/?/, "").split("/").slice(0, -1))
    schema = (schema as Record<string, unknown> | undefined)?.[nameOf(token)];
  return (schema ?? {}) as JsonSchema;
}
