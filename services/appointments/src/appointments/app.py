"""The appointments service, wired."""

from appointments.calendars import api
from appointments.calendars.domain import (
    KeyTaken,
    LimitReached,
    NoSuchSlot,
    ReservationUnknown,
    SlotTaken,
    TooLate,
)
from appointments.calendars.store import Calendars
from appointments.settings import Settings
from chassis.problems import Kind
from chassis.process import Context, Parts

ROUTERS = (api.router,)
PROBLEMS = {
    NoSuchSlot: Kind(422, "no-such-slot", "Diesen Termin gibt es nicht."),
    SlotTaken: Kind(409, "slot-taken", "Der Termin ist nicht mehr frei."),
    LimitReached: Kind(409, "limit-reached", "Mehr Termine gehen an diesem Tag nicht."),
    TooLate: Kind(409, "too-late", "Der Termin hat schon begonnen."),
    ReservationUnknown: Kind(404, "not-found", "Das gibt es hier nicht."),
    KeyTaken: Kind(422, "key-reused", "Der Idempotency-Key steht für eine andere Anfrage."),
}


async def wire(context: Context[Settings]) -> Parts:
    """Put the service together; it listens to nobody."""
    calendars = Calendars(context.database, context.clock, context.kick)
    await calendars.ensure()
    api.public_holidays(context.clock.now().year)  # the first look takes a second: not while a citizen waits
    return Parts(routers=ROUTERS, provides=[calendars], problems=PROBLEMS, aggregates=[calendars.aggregates])
