"""One office's day: which times it has, who holds them, and the decisions to reserve and to give back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HELD_PER_DAY = 1
"""Times that one account may hold at one office on one day."""
TAKEN_PER_DAY = 10
"""Times that one account may take and give back there: reservations stay in the day's document."""


@dataclass(frozen=True)
class Office:
    """An office as the municipality has set it up."""

    slug: str
    name: str
    place: str
    hours: Mapping[str, Sequence[tuple[time, time]]]
    """Opening hours by weekday, local time."""
    slot_minutes: int
    capacity: int
    open_days_ahead: int


@dataclass(frozen=True)
class Slot:
    """A time that can be reserved, UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Act:
    """The command that made or ended a reservation: kept for good, so that its repeat is known after any time."""

    key: str
    digest: str
    at: datetime


@dataclass(frozen=True)
class Reservation:
    """One account's hold on a time."""

    id: str
    account_id: str
    starts_at: datetime
    ends_at: datetime
    made: Act
    released: Act | None = None


@dataclass(frozen=True)
class Day:
    """One office's day with all that was ever reserved on it."""

    office: str
    office_name: str
    place: str
    date: date
    reservations: tuple[Reservation, ...] = ()

    def find(self, reservation_id: str) -> Reservation | None:
        """Return a reservation, released ones too."""
        return next((found for found in self.reservations if found.id == reservation_id), None)

    def held(self) -> list[Reservation]:
        """Return the reservations that still hold their time."""
        return [found for found in self.reservations if found.released is None]


@dataclass(frozen=True)
class Reserved:
    """A time was taken."""

    reservation: Reservation


@dataclass(frozen=True)
class Released:
    """A time was given back."""

    reservation: Reservation


Fact = Reserved | Released


class NoSuchSlot(Exception):
    """The office has no such time: closed, past, too far ahead, or between two slots."""


class SlotTaken(Exception):
    """All places of the time are taken."""

    def __init__(self, starts_at: datetime, capacity: int, free: Sequence[Slot]) -> None:
        near = ", ".join(f"{slot.starts_at.astimezone(ZONE):%H:%M}" for slot in free[:3])
        others = f"Am selben Tag sind noch frei: {near} Uhr." if near else "An diesem Tag ist nichts mehr frei."
        when = starts_at.astimezone(ZONE)
        super().__init__(f"Um {when:%H:%M} Uhr sind alle {capacity} Plätze vergeben. {others}")


class LimitReached(Exception):
    """The account holds or has taken as many times as one may on this day."""


class ReservationUnknown(Exception):
    """There is no such reservation for this account."""


class KeyTaken(Exception):
    """The Idempotency-Key made another reservation."""


class TooLate(Exception):
    """The time has begun; it can't be given back."""


def slots(office: Office, day: date, closed: frozenset[date]) -> tuple[Slot, ...]:
    """Return the day's times in order. ``closed`` are the public holidays.

    Lengths are real minutes: on the days on which the clocks change, a time that does not exist is left out.
    """
    if day in closed:
        return ()
    length = timedelta(minutes=office.slot_minutes)
    found = []
    for opens, closes in office.hours.get(WEEKDAYS[day.weekday()], ()):
        start = datetime.combine(day, opens, ZONE).astimezone(ZoneInfo("UTC"))
        end = datetime.combine(day, closes, ZONE).astimezone(ZoneInfo("UTC"))
        while start + length <= end:
            found.append(Slot(start, start + length))
            start += length
    return tuple(found)


def free_places(day: Day | None, office: Office, slot: Slot, now: datetime) -> int:
    """Return how many may still reserve the time."""
    if slot.starts_at <= now:
        return 0
    taken = sum(held.starts_at == slot.starts_at for held in day.held()) if day else 0
    return max(0, office.capacity - taken)


def reserve(
    day: Day, office: Office, closed: frozenset[date], reservation: Reservation, now: datetime
) -> tuple[Day, Sequence[Fact]]:
    """Take a time for an account.

    Raises:
        NoSuchSlot: the office does not have this time, or not any more, or not yet.
        SlotTaken: its places are all taken; names other times.
        LimitReached: the account has enough of this day.
        KeyTaken: the same key took another time before.
    """
    known = day.find(reservation.id)
    if known is not None:
        if known.made.digest != reservation.made.digest:
            raise KeyTaken(f"Der Idempotency-Key {reservation.made.key} steht für eine andere Reservierung.")
        return day, ()
    slot = Slot(reservation.starts_at, reservation.ends_at)
    day_slots = slots(office, day.date, closed)
    if slot not in day_slots or slot.starts_at <= now or day.date > last_day(office, now):
        raise NoSuchSlot(f"{office.name} hat um {slot.starts_at.astimezone(ZONE):%d.%m.%Y %H:%M} Uhr keinen Termin.")
    _check_limits(day, reservation.account_id)
    if free_places(day, office, slot, now) == 0:
        free = [other for other in day_slots if free_places(day, office, other, now)]
        raise SlotTaken(slot.starts_at, office.capacity, _nearest(free, slot))
    return replace(day, reservations=(*day.reservations, reservation)), (Reserved(reservation),)


def release(day: Day, reservation_id: str, account_id: str, act: Act) -> tuple[Day, Sequence[Fact]]:
    """Give a time back.

    Raises:
        ReservationUnknown: the account has none with this id.
        TooLate: the time has begun.
    """
    found = day.find(reservation_id)
    if found is None or found.account_id != account_id:
        raise ReservationUnknown(f"Die Reservierung {reservation_id} gibt es nicht.")
    if found.released is not None:
        return day, ()
    if found.starts_at <= act.at:
        raise TooLate(f"Der Termin um {found.starts_at.astimezone(ZONE):%d.%m.%Y %H:%M} Uhr hat schon begonnen.")
    ended = replace(found, released=act)
    others = tuple(ended if other.id == reservation_id else other for other in day.reservations)
    return replace(day, reservations=others), (Released(ended),)


def last_day(office: Office, now: datetime) -> date:
    """Return the last day that can be reserved today."""
    return now.astimezone(ZONE).date() + timedelta(days=office.open_days_ahead)


def _check_limits(day: Day, account_id: str) -> None:
    mine = [found for found in day.reservations if found.account_id == account_id]
    held = sum(found.released is None for found in mine)
    if held >= HELD_PER_DAY:
        raise LimitReached(
            f"Sie haben an diesem Tag schon {held} Termin; erlaubt ist {HELD_PER_DAY} je Tag und Stelle."
        )
    if len(mine) >= TAKEN_PER_DAY:
        raise LimitReached(f"Sie haben an diesem Tag schon {len(mine)} Termine genommen und zurückgegeben.")


def _nearest(free: Sequence[Slot], wanted: Slot) -> list[Slot]:
    near = sorted(free, key=lambda slot: abs(slot.starts_at - wanted.starts_at))[:3]
    return sorted(near, key=lambda slot: slot.starts_at)
