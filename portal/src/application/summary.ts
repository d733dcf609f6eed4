import type { Answers, Attachment, Service } from "../api/forms.ts";
import { answerAt } from "../forms/answers.ts";
import { detailOf, isDate, labelOf } from "../forms/form.tsx";
import { visible } from "../forms/rules.ts";
import { choices, type JsonSchema, pointerOf, resolve, schemaAt, steps, type UiElement } from "../forms/schema.ts";
import { t } from "../texts.ts";
import { plainDate } from "../times.ts";

export interface Entry {
  readonly pointer: string;
  readonly label: string;
  /** Empty when there is no answer. */
  readonly text: string;
}

interface Around {
  readonly base: string;
  readonly object: JsonSchema;
  readonly prefix: string;
}

/** Everything that an element asks for, with what was answered, for reading over before submitting. */
export function entries(
  element: UiElement,
  service: Service,
  answers: Answers,
  attachments: readonly Attachment[],
  around: Around = { base: "", object: service.schema, prefix: "" },
): Entry[] {
  const below = (inner: UiElement, where = around) => entries(inner, service, answers, attachments, where);
  if (!visible(element, answers)) return [];
  if (element.type === "Upload") return [fileEntry(element.field ?? "", service, attachments)];
  if (element.type !== "Control") return (element.elements ?? []).flatMap((inner) => below(inner));

  const scope = element.scope ?? "#";
  const { field } = schemaAt(around.object, scope, service.schema);
  const pointer = pointerOf(scope, around.base);
  const label = labelOf(element, field, steps(scope).at(-1) ?? "");
  const value = answerAt(answers, pointer);
  const items = field.items ? resolve(field.items, service.schema) : null;
  if (items?.type === "object") {
    const count = Array.isArray(value) ? value.length : 0;
    return Array.from({ length: count }, (_, index) => ({
      base: `${pointer}/${index}`,
      object: items,
      prefix: `${items.title ?? label} ${index + 1}: `,
    })).flatMap((where) => detailOf(element, items).flatMap((inner) => below(inner, where)));
  }
  const shown = Array.isArray(value) ? value.map((one) => textOf(one, items ?? {}, {})).join(", ") : "";
  const text = shown || textOf(value, field, element.options, isDate(field, element));
  return [{ pointer, label: around.prefix + label, text }];
}

function textOf(value: unknown, field: JsonSchema, options: UiElement["options"], date = false): string {
  const choice = choices(field, options)?.find((one) => one.value === value);
  if (choice) return choice.label;
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (value === undefined || value === null) return "";
  return date ? plainDate(String(value)) : String(value);
}

function fileEntry(field: string, service: Service, attachments: readonly Attachment[]): Entry {
  const own = attachments.filter((attachment) => attachment.field === field);
  return {
    pointer: `/attachments/${field}`,
    label: service.uploads.find((upload) => upload.field === field)?.title ?? field,
    text: own.map((attachment) => attachment.filename).join(", "),
  };
}
