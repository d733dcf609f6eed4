import { appointmentsApi as api, body } from "./client.ts";
import { keyOf, settle } from "./keys.ts";

export interface Office {
  readonly slug: string;
  readonly name: string;
  readonly place: string;
  /** The days that can be reserved, `YYYY-MM-DD`. */
  readonly firstDay: string;
  readonly lastDay: string;
}

export interface Slot {
  readonly startsAt: string;
  readonly free: number;
}

export interface Reservation {
  readonly id: string;
  readonly officeName: string;
  readonly place: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly released: boolean;
}

interface ReservationBody {
  reservation_id: string;
  office_name: string;
  place: string;
  starts_at: string;
  ends_at: string;
  status: string;
}

const reservation = (one: ReservationBody): Reservation => ({
  id: one.reservation_id,
  officeName: one.office_name,
  place: one.place,
  startsAt: one.starts_at,
  endsAt: one.ends_at,
  released: one.status === "released",
});

export async function offices(ars: string): Promise<Office[]> {
  const answer = await body(api.GET("/api/appointments/v1/{ars}/offices", { params: { path: { ars } } }));
  return answer.offices.map((one) => ({
    slug: one.office,
    name: one.name,
    place: one.place,
    firstDay: one.first_day,
    lastDay: one.last_day,
  }));
}

/** The free times of an office for `days` (1 to 14) days from a calendar day on. */
export async function slots(ars: string, office: string, from: string, days: number): Promise<Slot[]> {
  const answer = await body(
    api.GET("/api/appointments/v1/{ars}/offices/{office}/slots", {
      params: { path: { ars, office }, query: { from, days } },
    }),
  );
  return answer.slots.filter((slot) => slot.free > 0).map((slot) => ({ startsAt: slot.starts_at, free: slot.free }));
}

export async function reserve(ars: string, office: string, startsAt: string): Promise<Reservation> {
  const attempt = `reserve ${ars} ${office} ${startsAt}`;
  const answer = await body(
    api.POST("/api/appointments/v1/{ars}/reservations", {
      params: { path: { ars }, header: { "Idempotency-Key": keyOf(attempt) } },
      body: { office, starts_at: startsAt },
    }),
  );
  settle(attempt);
  return reservation(answer);
}

/** Own reservations that are still to come or running, the next one first. */
export async function reservations(ars: string, now = new Date()): Promise<Reservation[]> {
  const answer = await body(api.GET("/api/appointments/v1/{ars}/reservations", { params: { path: { ars } } }));
  return answer.reservations
    .map(reservation)
    .filter((one) => !one.released && new Date(one.endsAt) > now)
    .sort((a, b) => a.startsAt.localeCompare(b.startsAt));
}

export async function loadReservation(ars: string, id: string): Promise<Reservation> {
  return reservation(
    await body(
      api.GET("/api/appointments/v1/{ars}/reservations/{reservation_id}", {
        params: { path: { ars, reservation_id: id } },
      }),
    ),
  );
}

export async function release(ars: string, id: string): Promise<void> {
  const attempt = `release ${id}`;
  await body(
    api.DELETE("/api/appointments/v1/{ars}/reservations/{reservation_id}", {
      params: { path: { ars, reservation_id: id }, header: { "Idempotency-Key": keyOf(attempt) } },
    }),
  );
  settle(attempt);
}
