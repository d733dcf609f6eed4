import { Validator } from "@cfworker/json-schema";

/** The part of JSON Schema 2020-12 that the forms are written in. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
  readonly else?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  /** Our own keyword: what to tell people when the value does not fit. */
  readonly "x-error"?: string;
}

/** A UI schema in the shape of JSON Forms: where a field stands, not what it is. */
export interface UiElement {
  readonly type: string;
  readonly label?: string | boolean;
  readonly text?: string;
  readonly scope?: string;
  /** The upload that an `Upload` element stands for. */
  readonly field?: string;
  readonly elements?: readonly UiElement[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly rule?: Rule;
}

export interface Rule {
  readonly effect: "SHOW" | "HIDE" | "ENABLE" | "DISABLE";
  readonly condition: Condition;
}

export interface Condition {
  readonly type?: "AND" | "OR" | "LEAF" | "SCHEMA";
  readonly conditions?: readonly Condition[];
  readonly scope?: string;
  readonly schema?: JsonSchema;
}

export interface Choice {
  readonly value: unknown;
  readonly label: string;
}

/** `#/properties/guardians/items/properties/name` and its like as the steps into the data: `["guardians", "name"]`. */
export function steps(scope: string): string[] {
  const parts = scope.replace(/^#\/?/, "").split("/");
  const found: string[] = [];
  for (let index = 0; index < parts.length; index += 1) {
    if (parts[index] === "properties") {
      index += 1;
      found.push(nameOf(parts[index] ?? ""));
    }
  }
  return found;
}

export const nameOf = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~");
export const tokenOf = (token: string): string => token.replaceAll("~", "~0").replaceAll("/", "~1");

/** The pointer of a scope's data below a base pointer. */
export function pointerOf(scope: string, base = ""): string {
  return (
    base +
    steps(scope)
      .map((step) => `/${tokenOf(step)}`)
      .join("")
  );
}

/** A schema with its local `$ref` followed; what stands beside the `$ref` (a title, say) wins. */
export function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (schema.$ref === undefined) return schema;
  let target: unknown = root;
  for (const token of schema.$ref.replace(/^#\/?/, "").split("/").filter(Boolean))
    target = (target as Record<string, unknown> | undefined)?.[nameOf(token)];
  const { $ref: _, ...beside } = schema;
  return { ...resolve((target ?? {}) as JsonSchema, root), ...beside };
}

/** The schema of what stands at a pointer into the data. */
export function schemaOfPointer(pointer: string, root: JsonSchema): JsonSchema {
  let schema = resolve(root, root);
  for (const token of pointer.split("/").slice(1).map(nameOf)) {
    const inner = /^\d+$/.test(token) ? schema.items : schema.properties?.[token];
    schema = resolve(inner ?? {}, root);
  }
  return schema;
}

/** The schema at a scope, and the object schema that holds it. */
export function schemaAt(
  schema: JsonSchema,
  scope: string,
  root: JsonSchema,
): { field: JsonSchema; parent: JsonSchema } {
  let parent = resolve(schema, root);
  let field = parent;
  for (const step of steps(scope)) {
    parent = field;
    field = resolve(field.properties?.[step] ?? {}, root);
  }
  return { field, parent };
}

/** What a field lets choose from, or null when it is not a choice. */
export function choices(field: JsonSchema, options: UiElement["options"] = {}): Choice[] | null {
  if (field.oneOf?.every((one) => one.const !== undefined))
    return field.oneOf.map((one) => ({ value: one.const, label: one.title ?? String(one.const) }));
  if (!field.enum) return null;
  const labels = (options.labels ?? {}) as Record<string, string>;
  return field.enum.map((value) => ({ value, label: labels[String(value)] ?? String(value) }));
}

/** The names an object must hold, given what it holds now: `required` with every `if` that applies. */
export function requiredNames(schema: JsonSchema, value: unknown, root: JsonSchema): ReadonlySet<string> {
  const object = resolve(schema, root);
  const names = new Set(object.required ?? []);
  const branch = object.if ? (holds(object.if, value ?? {}, root) ? object.then : object.else) : undefined;
  for (const part of [...(object.allOf ?? []), ...(branch ? [branch] : [])])
    for (const name of requiredNames(part, value, root)) names.add(name);
  return names;
}

const validators = new WeakMap<JsonSchema, Validator>();

/** The validator of a schema, made once. It gets a copy, because it writes into what it is given. */
export function validatorOf(schema: JsonSchema, root: JsonSchema = schema): Validator {
  const known = validators.get(schema);
  if (known) return known;
  const { $id: _, ...copy } = structuredClone({ ...schema, $defs: root.$defs ?? {} }) as Record<string, unknown>;
  const validator = new Validator(copy, "2020-12", false);
  validators.set(schema, validator);
  return validator;
}

/** Whether a value fits a schema; `root` has the definitions it refers to. */
export function holds(schema: JsonSchema, value: unknown, root: JsonSchema = {}): boolean {
  return validatorOf(schema, root).validate(value).valid;
}
