/** A date as three fields: what people type, and what it means. */
export interface DateParts {
  readonly day: string;
  readonly month: string;
  readonly year: string;
}

export const NO_DATE: DateParts = { day: "", month: "", year: "" };

export function partsOf(date: unknown): DateParts {
  const found = typeof date === "string" ? /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) : null;
  if (!found) return NO_DATE;
  return { day: found[3] ?? "", month: found[2] ?? "", year: found[1] ?? "" };
}

export type Reading =
  | { readonly state: "empty" }
  | { readonly state: "date"; readonly date: string }
  | { readonly state: "incomplete" | "impossible" };

/**
 * Reads the three fields; a date that the calendar does not have (30.2.) is impossible. `partial` allows `00` for a day,
 * or a day and a month, that an identity card leaves out.
 */
export function readDate(parts: DateParts, partial = false): Reading {
  const texts = [parts.day, parts.month, parts.year].map((part) => part.trim());
  if (texts.every((text) => text === "")) return { state: "empty" };
  if (texts.some((text) => text === "") || (texts[2] ?? "").length < 4) return { state: "incomplete" };
  if (!texts.every((text) => /^\d{1,4}$/.test(text))) return { state: "impossible" };
  const [day = 0, month = 0, year = 0] = texts.map(Number);
  const leftOut = partial && day === 0;
  if (!leftOut && !exists(year, month, day)) return { state: "impossible" };
  if (leftOut && month !== 0 && !exists(year, month, 1)) return { state: "impossible" };
  return { state: "date", date: [pad(year, 4), pad(month, 2), pad(day, 2)].join("-") };
}

const pad = (number: number, width: number): string => String(number).padStart(width, "0");

function exists(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
