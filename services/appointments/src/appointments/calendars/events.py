"""Facts of a calendar's day as the events that others read."""

from collections.abc import Sequence

from appointments.calendars.domain import Act, Day, Fact, Reserved
from contracts import Event
from contracts.appointments import SlotReleased, SlotReserved


def publish(day: Day, fact: Fact) -> Sequence[Event]:
    """Tell that a time is taken, or free again: whose it is only by the account's id."""
    reservation = fact.reservation
    kind: type[SlotReserved | SlotReleased] = SlotReserved if isinstance(fact, Reserved) else SlotReleased
    act: Act = reservation.released or reservation.made
    return (
        kind(
            occurred_at=act.at,
            reservation_id=reservation.id,
            account_id=reservation.account_id,
            office=day.office,
            office_name=day.office_name,
            place=day.place,
            starts_at=reservation.starts_at,
            ends_at=reservation.ends_at,
        ),
    )
