"""Offices, their free times, and reservations."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal

import holidays
from fastapi import APIRouter, Query, Response
from pydantic import Field

from appointments.calendars.domain import (
    ZONE,
    Day,
    Office,
    Reservation,
    Slot,
    free_places,
    last_day,
    slots,
)
from appointments.calendars.store import Calendars
from chassis.clock import Clock
from chassis.errors import NotFound
from chassis.http import (
    CheckedRoute,
    CommandKey,
    Id,
    Input,
    IsoDate,
    IsoDateTime,
    Output,
    SignedIn,
    Tenant,
    provided,
)
from chassis.municipalities import Municipalities

router = APIRouter(prefix="/api/appointments/v1/{ars}", route_class=CheckedRoute)

Store = Annotated[Calendars, provided(Calendars)]
Towns = Annotated[Municipalities, provided(Municipalities)]
Now = Annotated[Clock, provided(Clock)]


class OfficeOut(Output):
    """An office that gives appointments."""

    office: str
    name: str
    place: str
    slot_minutes: int
    first_day: date
    last_day: date


class Offices(Output):
    """All offices of the municipality."""

    offices: list[OfficeOut]


class SlotOut(Output):
    """A time and how many may still reserve it."""

    starts_at: datetime
    ends_at: datetime
    free: int


class Slots(Output):
    """The times of some days."""

    slots: list[SlotOut]


class Reserve(Input):
    """Which time is wanted."""

    office: Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9-]*$")]
    starts_at: IsoDateTime


class ReservationOut(Output):
    """One's own reservation."""

    reservation_id: str
    office: str
    office_name: str
    place: str
    starts_at: datetime
    ends_at: datetime
    status: Literal["reserved", "released"]


class Reservations(Output):
    """One's own reservations, the latest day first."""

    reservations: list[ReservationOut]


@router.get("/offices", operation_id="listOffices", response_model=Offices)
async def list_offices(tenant: Tenant, towns: Towns, clock: Now) -> Offices:
    """List the offices that give appointments."""
    town = towns.get(tenant)
    today = clock.now().astimezone(ZONE).date()
    return Offices(
        offices=[
            OfficeOut(
                office=office.slug,
                name=office.name,
                place=office.place,
                slot_minutes=office.slot_minutes,
                first_day=today,
                last_day=today + timedelta(days=office.open_days_ahead),
            )
            for office in (town.offices if town else ())
        ]
    )


@router.get("/offices/{office}/slots", operation_id="listSlots", response_model=Slots)
async def list_slots(
    tenant: Tenant,
    office: str,
    first: Annotated[IsoDate, Query(alias="from")],
    store: Store,
    towns: Towns,
    clock: Now,
    days: Annotated[int, Query(ge=1, le=14)] = 1,
) -> Slots:
    """List an office's times of up to 14 days."""
    found, now = _office(towns, tenant, office), clock.now()
    out = []
    for on in (first + timedelta(days=ahead) for ahead in range(days)):
        if now.astimezone(ZONE).date() <= on <= last_day(found, now):
            day = await store.day(tenant, office, on)
            out += [
                SlotOut(starts_at=slot.starts_at, ends_at=slot.ends_at, free=free_places(day, found, slot, now))
                for slot in slots(found, on, public_holidays(on.year))
            ]
    return Slots(slots=out)


@router.post("/reservations", operation_id="reserve", response_model=ReservationOut, status_code=201)
async def reserve(
    caller: SignedIn, key: CommandKey, wanted: Reserve, response: Response, store: Store, towns: Towns
) -> ReservationOut:
    """Reserve a time. Exactly as many get one as there are places, however many ask at once."""
    office = _office(towns, caller.tenant, wanted.office)
    on = wanted.starts_at.astimezone(ZONE).date()
    slot = Slot(wanted.starts_at, wanted.starts_at + timedelta(minutes=office.slot_minutes))
    day, reservation = await store.reserve(caller.tenant, office, on, slot, public_holidays(on.year), key)
    response.headers["Location"] = f"/api/appointments/v1/{caller.tenant}/reservations/{reservation.id}"
    return _out(day, reservation)


@router.get("/reservations", operation_id="listReservations", response_model=Reservations)
async def list_reservations(caller: SignedIn, store: Store) -> Reservations:
    """List one's own reservations."""
    mine = await store.of_account(caller.tenant, caller.account)
    return Reservations(reservations=[_out(day, reservation) for day, reservation in mine])


@router.get("/reservations/{reservation_id}", operation_id="getReservation", response_model=ReservationOut)
async def get_reservation(caller: SignedIn, reservation_id: Id, store: Store) -> ReservationOut:
    """Return one of one's own reservations."""
    return _out(*await store.of_account_one(caller.tenant, reservation_id, caller.account))


@router.delete("/reservations/{reservation_id}", operation_id="releaseReservation", status_code=204)
async def release_reservation(caller: SignedIn, reservation_id: Id, key: CommandKey, store: Store) -> None:
    """Give a time back, so that others may have it."""
    await store.release(caller.tenant, reservation_id, key)


def _office(towns: Municipalities, tenant: str, slug: str) -> Office:
    town = towns.get(tenant)
    found = town.office(slug) if town else None
    if found is None:
        raise NotFound(f"office {slug}")
    return Office(
        found.slug,
        found.name,
        found.place,
        {weekday: tuple(spans) for weekday, spans in found.hours.items()},
        found.slot_minutes,
        found.capacity,
        found.open_days_ahead,
    )


@lru_cache(maxsize=16)
def public_holidays(year: int) -> frozenset[date]:
    """Return the public holidays of Sachsen-Anhalt (FeiertG LSA, section 2)."""
    return frozenset(holidays.country_holidays("DE", subdiv="ST", years=year))


def _out(day: Day, reservation: Reservation) -> ReservationOut:
    return ReservationOut(
        reservation_id=reservation.id,
        office=day.office,
        office_name=day.office_name,
        place=day.place,
        starts_at=reservation.starts_at,
        ends_at=reservation.ends_at,
        status="released" if reservation.released else "reserved",
    )
