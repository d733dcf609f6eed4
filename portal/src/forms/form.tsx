import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Answers } from "../api/forms.ts";
import { plural, t } from "../texts.ts";
import { answerAt } from "./answers.ts";
import {
  CheckField,
  CheckListField,
  DateField,
  FieldError,
  RadioField,
  SelectField,
  TextAreaField,
  TextField,
} from "./fields.tsx";
import { visible } from "./rules.ts";
import {
  choices,
  type JsonSchema,
  pointerOf,
  requiredNames,
  resolve,
  schemaAt,
  steps,
  type UiElement,
} from "./schema.ts";

export interface FormState {
  readonly schema: JsonSchema;
  readonly answers: Answers;
  /** What is wrong, by pointer. */
  readonly errors: ReadonlyMap<string, string>;
  readonly change: (pointer: string, value: unknown) => void;
  /** What was typed and is no answer yet (half a date). */
  readonly complain: (pointer: string, complaint: string | null) => void;
  /** Draws an `Upload` element. */
  readonly upload: (field: string) => ComponentChildren;
}

const FormContext = createContext<FormState | null>(null);
export const FormProvider = FormContext.Provider;

function useForm(): FormState {
  const form = useContext(FormContext);
  if (!form) throw new Error("a form element outside of a form");
  return form;
}

export const fieldId = (pointer: string): string => `f${pointer.replaceAll("/", "-")}`;

/** Where an element stands: the pointer of the object around it and that object's schema. */
interface Around {
  readonly base: string;
  readonly object: JsonSchema;
}

/** One element of the UI schema with all it holds. */
export function Element({ element, around }: { element: UiElement; around: Around }) {
  const { answers, upload } = useForm();
  if (!visible(element, answers)) return null;
  if (element.type === "Control") return <Control element={element} around={around} />;
  if (element.type === "Upload") return <>{upload(element.field ?? "")}</>;
  if (element.type === "Label") return <p class="kern-body">{element.text ?? String(element.label ?? "")}</p>;
  const inner = <Elements elements={element.elements ?? []} around={around} />;
  if (element.type === "HorizontalLayout") return <div class="field-row">{inner}</div>;
  if (element.type === "Group" && element.label)
    return (
      <fieldset class="kern-fieldset form-group">
        <legend class="kern-heading-medium">{element.label}</legend>
        <div class="kern-fieldset__body">{inner}</div>
      </fieldset>
    );
  return <div class="fields">{inner}</div>;
}

export function Elements({ elements, around }: { elements: readonly UiElement[]; around: Around }) {
  return (
    <>
      {elements.map((element, index) => (
        <Element key={element.scope ?? index} element={element} around={around} />
      ))}
    </>
  );
}

function Control({ element, around }: { element: UiElement; around: Around }) {
  const form = useForm();
  const scope = element.scope ?? "#";
  const { field, parent } = schemaAt(around.object, scope, form.schema);
  const pointer = pointerOf(scope, around.base);
  const name = steps(scope).at(-1) ?? "";
  const holder = answerAt(form.answers, pointer.slice(0, pointer.lastIndexOf("/")));
  const props: ControlProps = {
    element,
    field,
    pointer,
    id: fieldId(pointer),
    label: labelOf(element, field, name),
    hint: field.description,
    error: form.errors.get(pointer),
    optional: !requiredNames(parent, holder, form.schema).has(name),
    value: answerAt(form.answers, pointer),
  };
  if (field.type === "array" && !choices(resolve(field.items ?? {}, form.schema))) return <ListControl {...props} />;
  if (field.type === "object") return <ObjectControl {...props} />;
  return <SimpleControl {...props} />;
}

interface ControlProps {
  readonly element: UiElement;
  readonly field: JsonSchema;
  readonly pointer: string;
  readonly id: string;
  readonly label: string;
  readonly hint: string | undefined;
  readonly error: string | undefined;
  readonly optional: boolean;
  readonly value: unknown;
}

export function labelOf(element: UiElement, field: JsonSchema, name: string): string {
  return typeof element.label === "string" ? element.label : (field.title ?? name);
}

const FEW_CHOICES = 4;
const LONG_TEXT = 200;

function SimpleControl({ element, field, pointer, value, ...frame }: ControlProps) {
  const form = useForm();
  const options = element.options ?? {};
  const shown = value ?? field.default;
  const onValue = (next: unknown) => form.change(pointer, next === "" ? undefined : next);
  if (field.type === "array") {
    const items = resolve(field.items ?? {}, form.schema);
    return <CheckListField {...frame} choices={choices(items, options) ?? []} value={shown} onValue={onValue} />;
  }
  const list = choices(field, options);
  if (list) {
    const radio = options.format ? options.format === "radio" : list.length <= FEW_CHOICES;
    const Choice = radio ? RadioField : SelectField;
    return <Choice {...frame} choices={list} value={shown} onValue={onValue} />;
  }
  if (field.type === "boolean")
    return (
      <CheckField
        {...frame}
        optional={false} // an empty box is an answer
        checked={shown === true}
        onChecked={(checked) => onValue(checked || (field.const === true ? undefined : false))}
      />
    );
  if (isDate(field, element))
    return (
      <DateField
        {...frame}
        value={shown}
        autocomplete={options.autocomplete as string | undefined}
        partial={field.format !== "date"}
        onDate={(date, complaint) => {
          form.change(pointer, date);
          form.complain(pointer, complaint);
        }}
      />
    );
  return <TextControl {...frame} field={field} options={options} value={shown} onValue={onValue} />;
}

export const isDate = (field: JsonSchema, element: UiElement): boolean =>
  field.format === "date" || element.options?.format === "date";

interface TextControlProps extends Omit<ControlProps, "element" | "pointer"> {
  readonly options: Readonly<Record<string, unknown>>;
  readonly onValue: (value: unknown) => void;
}

function TextControl({ field, options, value, onValue, ...frame }: TextControlProps) {
  const text = {
    ...frame,
    value: value === undefined || value === null ? "" : String(value),
    autocomplete: options.autocomplete as string | undefined,
    maxLength: field.maxLength,
  };
  if (field.type === "integer" || field.type === "number")
    return (
      <TextField
        {...text}
        width="short"
        inputMode={field.type === "integer" ? "numeric" : "decimal"}
        onValue={(typed) => onValue(numberOf(typed))}
      />
    );
  const free = field.format === undefined && (field.maxLength ?? 0) > LONG_TEXT;
  const long = options.multi === true || (options.multi === undefined && free);
  if (long) return <TextAreaField {...text} onValue={onValue} />;
  const type = field.format === "email" ? "email" : field.format === "phone" ? "tel" : "text";
  const short = (field.maxLength ?? LONG_TEXT) <= 10;
  return <TextField {...text} type={type} width={short ? "short" : undefined} onValue={onValue} />;
}

/** German decimals; what is no number stays text, and the schema complains. */
function numberOf(typed: string): number | string {
  const number = Number(typed.trim().replace(",", "."));
  return typed.trim() === "" || Number.isNaN(number) ? typed : number;
}

function ObjectControl({ element, field, pointer, label }: ControlProps) {
  const around = { base: pointer, object: field };
  return (
    <fieldset class="kern-fieldset form-group">
      <legend class="kern-heading-small">{label}</legend>
      <div class="kern-fieldset__body">
        <Elements elements={detailOf(element, field)} around={around} />
      </div>
    </fieldset>
  );
}

/** The elements for what a control holds: its own detail, else one control for each property. */
export function detailOf(element: UiElement, object: JsonSchema): readonly UiElement[] {
  const detail = element.options?.detail as UiElement | undefined;
  if (detail?.elements) return detail.elements;
  return Object.keys(object.properties ?? {}).map((name) => ({ type: "Control", scope: `#/properties/${name}` }));
}

/** A list of objects, each in a box of its own: the guardians. */
function ListControl({ element, field, pointer, id, label, hint, error, value }: ControlProps) {
  const form = useForm();
  const items = resolve(field.items ?? {}, form.schema);
  const list = Array.isArray(value) ? value : [];
  const least = field.minItems ?? 0;
  const count = Math.max(list.length, least);
  const most = field.maxItems ?? Number.POSITIVE_INFINITY;
  const single = (element.options?.itemLabel as string | undefined) ?? items.title ?? label;
  const setCount = (next: unknown[]) => form.change(pointer, next.length === 0 ? undefined : next);
  return (
    <section class={`list${error ? " kern-fieldset--error" : ""}`} id={id} tabIndex={-1} aria-label={label}>
      {hint && <p class="kern-hint">{hint}</p>}
      {Array.from({ length: count }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an item has no other name than its place
        <fieldset class="kern-fieldset list-item" key={index}>
          <legend class="kern-heading-small">{most > 1 ? `${single} ${index + 1}` : single}</legend>
          <div class="kern-fieldset__body">
            <Elements elements={detailOf(element, items)} around={{ base: `${pointer}/${index}`, object: items }} />
            {count > least && index > 0 && (
              <button
                type="button"
                class="kern-btn kern-btn--tertiary"
                onClick={() => setCount(list.filter((_, other) => other !== index))}
              >
                <span class="kern-icon kern-icon--delete" aria-hidden="true" />
                <span class="kern-label">{t("list.remove", { what: `${single} ${index + 1}` })}</span>
              </button>
            )}
          </div>
        </fieldset>
      ))}
      <FieldError id={id} error={error} />
      {count < most && (
        <div class="list-more">
          <button
            type="button"
            class="kern-btn kern-btn--secondary"
            onClick={() => setCount([...list, ...Array.from({ length: count + 1 - list.length }, () => ({}))])}
          >
            <span class="kern-icon kern-icon--add" aria-hidden="true" />
            <span class="kern-label">{t("list.add", { what: single })}</span>
          </button>
          {Number.isFinite(most) && <p class="kern-hint">{plural("list.most", most)}</p>}
        </div>
      )}
    </section>
  );
}
