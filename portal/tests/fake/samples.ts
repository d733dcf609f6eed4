/** What the test double of the town hall has to show. */
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const day = (later: number): string => new Date(Date.now() + later * DAY).toISOString().slice(0, 10);
export const OFFICE = {
  office: "buergerbuero",
  name: "Bürgerbüro",
  place: "Rathaus, Erdgeschoss, Bismarckstraße 5, 39517 Tangerhütte",
  slot_minutes: 20,
  first_day: day(0),
  last_day: day(60),
};
export const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
export const FIREFOX = "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0";
export const MESSAGES = [
  {
    message_id: "m1",
    kind: "receipt",
    subject: "Ihr Antrag ist bei der Behörde angekommen",
    status: "sent",
    ended_at: null,
    made_at: "2026-11-25T09:40:00Z",
  },
  {
    message_id: "m2",
    kind: "reservation",
    subject: "Ihr Termin im Bürgerbüro",
    status: "sent",
    ended_at: null,
    made_at: "2026-11-24T14:05:00Z",
  },
];
export const MESSAGE_TEXT =
  "Guten Tag,\n\nIhr Antrag mit dem Aktenzeichen TAN-2026-7K3M9Q ist bei der Behörde angekommen.\n\nMit freundlichen Grüßen\nIhr Digitales Rathaus\n";
