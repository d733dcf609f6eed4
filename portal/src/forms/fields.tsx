import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { t } from "../texts.ts";
import { type DateParts, NO_DATE, partsOf, readDate } from "./dates.ts";
import type { Choice } from "./schema.ts";

/** What every field shows, whatever it asks for. */
export interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  readonly optional?: boolean | undefined;
}

function Optional({ optional }: { optional: boolean | undefined }) {
  return optional ? <span class="kern-label__optional"> {t("field.optional")}</span> : null;
}

export function FieldError({ id, error }: { id: string; error: string | undefined }) {
  if (!error) return null;
  return (
    <p class="kern-error" id={`${id}-error`}>
      <span class="kern-icon kern-icon--danger kern-icon--default" aria-hidden="true" />
      <span class="kern-body">{error}</span>
    </p>
  );
}

function Hint({ id, hint }: { id: string; hint: string | undefined }) {
  return hint ? (
    <div class="kern-hint" id={`${id}-hint`}>
      {hint}
    </div>
  ) : null;
}

function describedBy({ id, hint, error }: FieldProps): string | undefined {
  return [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
}

const errorClass = (base: string, error: string | undefined): string => (error ? `${base} ${base}--error` : base);

function Frame(props: FieldProps & { children: ComponentChildren }) {
  return (
    <div class={errorClass("kern-form-input", props.error)}>
      <label class="kern-label" for={props.id}>
        {props.label}
        <Optional optional={props.optional} />
      </label>
      <Hint id={props.id} hint={props.hint} />
      {props.children}
      <FieldError id={props.id} error={props.error} />
    </div>
  );
}

/** A group of controls with one question: radios, checkboxes, the three parts of a date. */
export function Question(props: FieldProps & { horizontal?: boolean; children: ComponentChildren }) {
  return (
    <fieldset class={errorClass("kern-fieldset", props.error)} aria-describedby={describedBy(props)}>
      <legend class="kern-label">
        {props.label}
        <Optional optional={props.optional} />
      </legend>
      <Hint id={props.id} hint={props.hint} />
      <div class={`kern-fieldset__body${props.horizontal ? " kern-fieldset__body--horizontal" : ""}`}>
        {props.children}
      </div>
      <FieldError id={props.id} error={props.error} />
    </fieldset>
  );
}

export interface TextProps extends FieldProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly type?: "text" | "email" | "tel" | "password" | undefined;
  readonly autocomplete?: string | undefined;
  readonly inputMode?: "numeric" | "decimal" | undefined;
  readonly maxLength?: number | undefined;
  readonly width?: "short" | undefined;
}

export function TextField(props: TextProps) {
  return (
    <Frame {...props}>
      <input
        class={`${errorClass("kern-form-input__input", props.error)}${props.width ? ` field--${props.width}` : ""}`}
        id={props.id}
        name={props.id}
        type={(props.type ?? "text") as "text"} // the types of Preact want one literal each
        value={props.value}
        autocomplete={props.autocomplete}
        inputMode={props.inputMode}
        maxLength={props.maxLength}
        spellcheck={props.type === "password" || props.type === "email" ? false : undefined}
        aria-describedby={describedBy(props)}
        aria-invalid={props.error ? "true" : undefined}
        aria-required={props.optional ? undefined : "true"}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
    </Frame>
  );
}

/** A password with a button that shows it, so that it can be checked and pasted (WCAG 3.3.8). */
export function PasswordField(props: Omit<TextProps, "type">) {
  const [shown, setShown] = useState(false);
  return (
    <div class="password">
      <TextField {...props} type={shown ? "text" : "password"} />
      <button
        type="button"
        class="kern-btn kern-btn--tertiary"
        aria-pressed={shown}
        aria-controls={props.id}
        onClick={() => setShown(!shown)}
      >
        <span class={`kern-icon kern-icon--${shown ? "visibility-off" : "visibility"}`} aria-hidden="true" />
        <span class="kern-label">{t("field.password.show")}</span>
      </button>
    </div>
  );
}

export function TextAreaField(props: TextProps & { rows?: number }) {
  return (
    <Frame {...props}>
      <textarea
        class={errorClass("kern-form-input__input", props.error)}
        id={props.id}
        name={props.id}
        rows={props.rows ?? 4}
        value={props.value}
        maxLength={props.maxLength}
        aria-describedby={describedBy(props)}
        aria-invalid={props.error ? "true" : undefined}
        aria-required={props.optional ? undefined : "true"}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
    </Frame>
  );
}

interface ChoiceProps extends FieldProps {
  readonly choices: readonly Choice[];
  readonly value: unknown;
  readonly onValue: (value: unknown) => void;
}

export function SelectField(props: ChoiceProps) {
  const chosen = props.choices.findIndex((choice) => choice.value === props.value);
  return (
    <Frame {...props}>
      <div class="kern-form-input__select-wrapper">
        <select
          class={errorClass("kern-form-input__select", props.error)}
          id={props.id}
          name={props.id}
          value={String(chosen)}
          aria-describedby={describedBy(props)}
          aria-invalid={props.error ? "true" : undefined}
          aria-required={props.optional ? undefined : "true"}
          onChange={(event) => props.onValue(props.choices[Number(event.currentTarget.value)]?.value)}
        >
          <option value="-1">{t("field.choose")}</option>
          {props.choices.map((choice, index) => (
            <option key={choice.label} value={String(index)}>
              {choice.label}
            </option>
          ))}
        </select>
      </div>
    </Frame>
  );
}

interface CheckProps {
  readonly id: string;
  readonly name: string;
  readonly type: "radio" | "checkbox";
  readonly label: ComponentChildren;
  readonly checked: boolean;
  readonly error?: string | undefined;
  readonly describedBy?: string | undefined;
  readonly onChecked: (checked: boolean) => void;
}

function Check(props: CheckProps) {
  return (
    <div class="kern-form-check">
      <input
        class={errorClass(`kern-form-check__${props.type}`, props.error)}
        id={props.id}
        name={props.name}
        type={props.type}
        checked={props.checked}
        aria-describedby={props.describedBy}
        aria-invalid={props.error && props.type === "checkbox" ? "true" : undefined}
        onChange={(event) => props.onChecked(event.currentTarget.checked)}
      />
      <label class="kern-label" for={props.id}>
        {props.label}
      </label>
    </div>
  );
}

/** Radios. The first carries the field's id, so that a link in the error summary lands on it. */
export function RadioField(props: ChoiceProps & { horizontal?: boolean }) {
  return (
    <Question {...props}>
      {props.choices.map((choice, index) => (
        <Check
          key={choice.label}
          id={index === 0 ? props.id : `${props.id}-${index}`}
          name={props.id}
          type="radio"
          label={choice.label}
          checked={choice.value === props.value}
          error={props.error}
          onChecked={() => props.onValue(choice.value)}
        />
      ))}
    </Question>
  );
}

/** Several of a list. */
export function CheckListField(props: ChoiceProps) {
  const values = Array.isArray(props.value) ? props.value : [];
  const toggle = (value: unknown, checked: boolean) => {
    const next = checked ? [...values, value] : values.filter((one) => one !== value);
    props.onValue(next.length === 0 ? undefined : next);
  };
  return (
    <Question {...props}>
      {props.choices.map((choice, index) => (
        <Check
          key={choice.label}
          id={index === 0 ? props.id : `${props.id}-${index}`}
          name={props.id}
          type="checkbox"
          label={choice.label}
          checked={values.includes(choice.value)}
          onChecked={(checked) => toggle(choice.value, checked)}
        />
      ))}
    </Question>
  );
}

export function CheckField(props: FieldProps & { checked: boolean; onChecked: (checked: boolean) => void }) {
  return (
    <div class={`check ${errorClass("kern-fieldset", props.error)}`}>
      <Check
        id={props.id}
        name={props.id}
        type="checkbox"
        label={
          <>
            {props.label}
            <Optional optional={props.optional} />
          </>
        }
        checked={props.checked}
        error={props.error}
        describedBy={describedBy(props)}
        onChecked={props.onChecked}
      />
      <Hint id={props.id} hint={props.hint} />
      <FieldError id={props.id} error={props.error} />
    </div>
  );
}

interface DateProps extends FieldProps {
  readonly value: unknown;
  /** A date as `YYYY-MM-DD` or undefined, and what is wrong with what was typed. */
  readonly onDate: (date: string | undefined, complaint: string | null) => void;
  readonly autocomplete?: string | undefined;
  /** Day and month may be 00. */
  readonly partial?: boolean;
}

const DATE_PARTS = [
  ["day", "-2"],
  ["month", "-2"],
  ["year", "-4"],
] as const;

/** Day, month and year as three fields (KERN's pattern): quicker than a picker for a date one knows by heart. */
export function DateField(props: DateProps) {
  const [parts, setParts] = useState<DateParts>(() => partsOf(props.value));
  const said = useRef(props.value);
  // An answer that changed elsewhere (another tab's draft was loaded) is shown; our own typing is not overwritten.
  if (props.value !== said.current) {
    said.current = props.value;
    if (props.value !== undefined) setParts(partsOf(props.value));
    else if (readDate(parts, props.partial).state === "date") setParts(NO_DATE);
  }
  const type = (part: keyof DateParts, text: string) => {
    const next = { ...parts, [part]: text };
    setParts(next);
    const reading = readDate(next, props.partial);
    const date = reading.state === "date" ? reading.date : undefined;
    said.current = date;
    const complains = reading.state === "incomplete" || reading.state === "impossible";
    props.onDate(date, complains ? t(`field.error.date.${reading.state}`) : null);
  };
  const birthday = props.autocomplete === "bday";
  return (
    <Question {...props} horizontal>
      {DATE_PARTS.map(([part, width]) => (
        <div class="kern-form-input date-part" key={part}>
          <label class="kern-label" for={part === "day" ? props.id : `${props.id}-${part}`}>
            {t(`field.date.${part}`)}
          </label>
          <input
            class={`${errorClass("kern-form-input__input", props.error)} kern-form-input__input--width${width}`}
            id={part === "day" ? props.id : `${props.id}-${part}`}
            name={`${props.id}-${part}`}
            type="text"
            inputMode="numeric"
            maxLength={part === "year" ? 4 : 2}
            autocomplete={birthday ? `bday-${part}` : undefined}
            value={parts[part]}
            aria-describedby={describedBy(props)}
            aria-invalid={props.error ? "true" : undefined}
            onInput={(event) => type(part, event.currentTarget.value)}
          />
        </div>
      ))}
    </Question>
  );
}
