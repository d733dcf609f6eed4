"""Which events ask for a message, and what it speaks of."""

from datetime import UTC, datetime

from chassis.clock import Clock
from contracts.appointments import SlotReleased, SlotReserved
from contracts.envelope import Envelope
from contracts.identity import VerificationRequested
from contracts.osi_gateway import SubmissionAccepted, SubmissionRejected
from notify.messages.domain import Kind, write
from notify.messages.store import Messages

ACTS_FROM = datetime(2026, 11, 1, tzinfo=UTC)
"""Events from before this service existed are history: nobody gets a mail for them."""


async def send_verification_code(
    messages: Messages, clock: Clock, event: VerificationRequested, envelope: Envelope
) -> None:
    """Send the code, or the note that the address is known already."""
    if envelope.time < ACTS_FROM:
        return
    kind: Kind = "verification" if event.purpose == "verify-email" else "already-registered"
    about = {
        "email": event.email,
        "language": event.language,
        "code": event.code,
        "expires_at": event.expires_at,
    }
    await messages.begin(
        envelope, lambda id: write(id, kind, event.account_id, about, clock.now(), expires_at=event.expires_at)
    )


async def send_acceptance(messages: Messages, clock: Clock, event: SubmissionAccepted, envelope: Envelope) -> None:
    """Send the receipt: the authority has it."""
    if envelope.time < ACTS_FROM:
        return
    about = {
        "application_id": event.application_id,
        "service": event.service,
        "reference": event.reference,
        "case_id": event.case_id,
        "when": event.occurred_at,
    }
    await messages.begin(envelope, lambda id: write(id, "receipt-accepted", event.account_id, about, clock.now()))


async def send_rejection(messages: Messages, clock: Clock, event: SubmissionRejected, envelope: Envelope) -> None:
    """Send the news that the authority has refused it, with its reasons."""
    if envelope.time < ACTS_FROM:
        return
    about = {
        "application_id": event.application_id,
        "service": event.service,
        "reference": event.reference,
        "problems": [problem.title for problem in event.problems],
        "when": event.occurred_at,
    }
    await messages.begin(envelope, lambda id: write(id, "receipt-rejected", event.account_id, about, clock.now()))


async def send_appointment(messages: Messages, clock: Clock, event: SlotReserved, envelope: Envelope) -> None:
    """Send the time with a calendar file."""
    await _about_slot(messages, clock, "reservation", event, envelope)


async def send_release(messages: Messages, clock: Clock, event: SlotReleased, envelope: Envelope) -> None:
    """Send the confirmation that the time was given back, with a file that takes it out of the calendar."""
    await _about_slot(messages, clock, "release", event, envelope)


async def _about_slot(
    messages: Messages, clock: Clock, kind: Kind, event: SlotReserved | SlotReleased, envelope: Envelope
) -> None:
    if envelope.time < ACTS_FROM:
        return
    about = {
        "reservation_id": event.reservation_id,
        "office_name": event.office_name,
        "place": event.place,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "when": event.occurred_at,
    }
    await messages.begin(envelope, lambda id: write(id, kind, event.account_id, about, clock.now(), event.ends_at))
