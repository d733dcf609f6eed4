import type { Call, Keyed, Town } from "./shape.d.ts";

interface Reservation {
  reservation_id: string;
  office: string;
  office_name: string;
  place: string;
  starts_at: string;
  ends_at: string;
  status: string;
}
export interface paths {
  "/api/appointments/v1/{ars}/offices": {
    get: Call<Town, never, 200, { items: { slug: string; name: string; place: string }[] }>;
  };
  "/api/appointments/v1/{ars}/offices/{office}/slots": {
    get: Call<
      Town & { office: string },
      never,
      200,
      { slots: { starts_at: string; ends_at: string; free: number }[] },
      { from: string; days: number }
    >;
  };
  "/api/appointments/v1/{ars}/reservations": {
    get: Call<Town, never, 200, { items: Reservation[] }>;
    post: Call<Town, { office: string; starts_at: string }, 201, Reservation, never, Keyed>;
  };
  "/api/appointments/v1/{ars}/reservations/{reservation_id}": {
    get: Call<Town & { reservation_id: string }, never, 200, Reservation>;
    delete: Call<Town & { reservation_id: string }, never, 204, never>;
  };
}
