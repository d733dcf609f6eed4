"""Events of the appointments service."""

from typing import ClassVar

from pydantic import AwareDatetime

from contracts.event import Event


class SlotReserved(Event):
    """A time at an office belongs to an account now."""

    topic: ClassVar[str] = "appointments.slots"

    reservation_id: str
    account_id: str
    office: str
    """Slug of the office."""
    office_name: str
    place: str
    """Address for people."""
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class SlotReleased(Event):
    """The time is free again, because its holder gave it back."""

    topic: ClassVar[str] = "appointments.slots"

    reservation_id: str
    account_id: str
    office: str
    office_name: str
    place: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
