/** Dates for people. Instants are shown in the time of the town hall, wherever the reader is. */
const TOWN_HALL = "Europe/Berlin";
const LOCALE = "de-DE";

function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(LOCALE, { timeZone: TOWN_HALL, ...options });
}

const DAY = formatter({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const SHORT_DAY = formatter({ weekday: "short", day: "2-digit", month: "2-digit" });
const MOMENT = formatter({ day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit" });
const TIME = formatter({ hour: "2-digit", minute: "2-digit" });
const DATE_PARTS = formatter({ year: "numeric", month: "2-digit", day: "2-digit" });

export const longDay = (instant: string): string => DAY.format(new Date(instant));
export const shortDay = (instant: string): string => SHORT_DAY.format(new Date(instant));
export const moment = (instant: string): string => `${MOMENT.format(new Date(instant))} Uhr`;
export const time = (instant: string): string => `${TIME.format(new Date(instant))} Uhr`;

/** The town hall's calendar day of an instant, as `YYYY-MM-DD`. */
export function dayOf(instant: string | Date): string {
  const parts = new Map(DATE_PARTS.formatToParts(new Date(instant)).map((part) => [part.type, part.value]));
  return `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
}

/** `2010-03-04` as `4. März 2010`, `2010-03-00` as `03.2010`; anything else stays as it is. */
export function plainDate(date: string): string {
  const [, year = "", month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) ?? [];
  if (year === "") return date;
  if (month === "00") return year;
  if (day === "00") return `${month}.${year}`;
  const format = new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", day: "numeric", month: "long", year: "numeric" });
  return format.format(new Date(`${date}T12:00:00Z`));
}
