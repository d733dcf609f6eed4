"""Days of calendars as documents."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from appointments.calendars.domain import (
    Act,
    Day,
    Fact,
    KeyTaken,
    Office,
    Reservation,
    ReservationUnknown,
    Slot,
    release,
    reserve,
)
from appointments.calendars.events import publish
from chassis.aggregates import Aggregates, Key
from chassis.clock import Clock
from chassis.documents import Database, Document, Duplicate, Index
from chassis.ids import aggregate_id

MOST_DAYS = 100
MOST_PENDING = 512
"""Events that a day may hold back: a whole day may be given away at once, or while the broker is down."""
_INDEXES = (
    # Unique across days: the Idempotency-Key of a reservation on one day must make none on another.
    Index((("reservations.id", 1),), "reservation-once", unique=True),
    Index((("tenant", 1), ("reservations.account_id", 1), ("date", 1)), "account"),
)


class DayCodec:
    """A day as fields of its document."""

    schema_version = 1

    def dump(self, state: Day) -> Document:
        """Return the fields."""
        return {
            "office": state.office,
            "office_name": state.office_name,
            "place": state.place,
            "date": state.date.isoformat(),
            "reservations": [_dump_reservation(found) for found in state.reservations],
        }

    def load(self, document: Document) -> Day:
        """Return the day."""
        return Day(
            document["office"],
            document["office_name"],
            document["place"],
            date.fromisoformat(document["date"]),
            tuple(_load_reservation(found) for found in document["reservations"]),
        )


class Calendars:
    """All days of all offices."""

    def __init__(self, database: Database, clock: Clock, kick: Callable[[], None]) -> None:
        self.aggregates: Aggregates[Day, Fact] = Aggregates(
            database.collection("days"),
            DayCodec(),
            publish,
            service="appointments",
            clock=clock,
            kick=kick,
            group=64,
            pending=MOST_PENDING,
        )
        self._clock = clock

    async def ensure(self) -> None:
        """Create the indexes."""
        await self.aggregates.ensure(_INDEXES)

    async def day(self, tenant: str, office: str, on: date) -> Day | None:
        """Return a day; None where nobody has ever reserved anything on it."""
        found = await self.aggregates.find({"_id": _day_id(tenant, office, on)}, limit=1)
        return found[0].state if found else None

    async def reserve(
        self, tenant: str, office: Office, on: date, slot: Slot, closed: frozenset[date], key: Key
    ) -> tuple[Day, Reservation]:
        """Take a time; the same key gets the same reservation however many came since.

        Raises:
            KeyTaken: the key made another reservation, on this day or another; else see ``domain.reserve``.
        """
        id = aggregate_id(tenant, "reservation", key.account, key.value)
        act = Act(key.value, key.digest, self._clock.now())
        wanted = Reservation(id, key.account, slot.starts_at, slot.ends_at, act)
        try:
            done = await self.aggregates.command(
                tenant,
                _day_id(tenant, office.slug, on),
                key,
                lambda day: reserve(day, office, closed, wanted, self._clock.now()),
                initial=lambda: Day(office.slug, office.name, office.place, on),
            )
        except Duplicate:
            raise KeyTaken(f"Der Idempotency-Key {key.value} steht für eine andere Reservierung.") from None
        made = done.state.find(id)
        if made is None:  # the key was remembered for a command of another kind on this day
            raise ReservationUnknown(f"Die Reservierung {id} gibt es nicht.")
        return done.state, made

    async def release(self, tenant: str, reservation_id: str, key: Key) -> None:
        """Give a time back. Raises ReservationUnknown where the account has none with this id."""
        day_id, _, _ = await self._find(tenant, reservation_id, key.account)
        act = Act(key.value, key.digest, self._clock.now())
        await self.aggregates.command(tenant, day_id, key, lambda day: release(day, reservation_id, key.account, act))

    async def of_account(self, tenant: str, account_id: str) -> list[tuple[Day, Reservation]]:
        """Return an account's reservations, the latest day first."""
        where = {"tenant": tenant, "reservations.account_id": account_id}
        days = await self.aggregates.find(where, sort=(("date", -1),), limit=MOST_DAYS)
        return [
            (found.state, mine)
            for found in days
            for mine in sorted(found.state.reservations, key=lambda one: one.starts_at, reverse=True)
            if mine.account_id == account_id
        ]

    async def of_account_one(self, tenant: str, reservation_id: str, account_id: str) -> tuple[Day, Reservation]:
        """Return one reservation. Raises ReservationUnknown where the account has none with this id."""
        _, day, reservation = await self._find(tenant, reservation_id, account_id)
        return day, reservation

    async def _find(self, tenant: str, reservation_id: str, account_id: str) -> tuple[str, Day, Reservation]:
        for found in await self.aggregates.find({"reservations.id": reservation_id}, limit=1):
            mine = found.state.find(reservation_id)
            if found.tenant == tenant and mine is not None and mine.account_id == account_id:
                return found.id, found.state, mine
        raise ReservationUnknown(f"Die Reservierung {reservation_id} gibt es nicht.")


def _day_id(tenant: str, office: str, on: date) -> str:
    return aggregate_id(tenant, "day", office, on.isoformat())


def _dump_act(act: Act | None) -> Document | None:
    return {"key": act.key, "digest": act.digest, "at": act.at} if act else None


def _load_act(found: dict[str, Any]) -> Act:
    return Act(found["key"], found["digest"], found["at"])


def _dump_reservation(found: Reservation) -> Document:
    return {
        "id": found.id,
        "account_id": found.account_id,
        "starts_at": found.starts_at,
        "ends_at": found.ends_at,
        "made": _dump_act(found.made),
        "released": _dump_act(found.released),
    }


def _load_reservation(found: dict[str, Any]) -> Reservation:
    starts_at: datetime = found["starts_at"]
    released = _load_act(found["released"]) if found["released"] else None
    return Reservation(
        found["id"], found["account_id"], starts_at, found["ends_at"], _load_act(found["made"]), released
    )
