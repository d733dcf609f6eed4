"""Copies of addresses die with their account, in whichever order it is told; and what is history gets no mail."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import permutations

import pytest

from chassis.testing import START
from chassis.testing.example import TENANT
from chassis.testing.service import ServiceUnderTest, wired
from contracts import Event
from contracts.appointments import SlotReleased, SlotReserved
from contracts.envelope import Envelope, headers_of, tombstone_type
from contracts.identity import AccountErased, AccountRegistered, ContactChanged, VerificationRequested
from contracts.osi_gateway import SubmissionAccepted, SubmissionRejected
from contracts.topics import TOPICS
from notify.app import wire
from notify.messages.handlers import ACTS_FROM
from notify.settings import Settings

CONTACTS = "identity.contacts"


@pytest.fixture
async def service() -> AsyncIterator[ServiceUnderTest]:
    async with wired("notify", Settings(public_url="http://localhost:8080"), wire) as found:
        yield found


def put(service: ServiceUnderTest, event: Event, sequence: int = 1) -> None:
    service.broker.put(event, tenant=TENANT, subject="mia", sequence=sequence, id=f"{event.type}-{sequence}")


def tell(service: ServiceUnderTest, what: str) -> None:
    if what == "address":
        put(service, ContactChanged(occurred_at=START, account_id="mia", email="mia@example.org"))
    elif what == "tombstone":
        envelope = Envelope("gone", tombstone_type(CONTACTS), TENANT, "mia", 2, START)
        service.broker.append(CONTACTS, "mia", None, headers_of(envelope))
    else:
        put(service, AccountRegistered(occurred_at=START, account_id="mia"), 1)
        put(service, AccountErased(occurred_at=START, account_id="mia"), 2)


@pytest.mark.proves("F54")
@pytest.mark.parametrize("order", list(permutations(("address", "tombstone", "erased"))), ids="-".join)
async def test_an_address_dies_with_its_account_in_whichever_order_it_is_told(
    service: ServiceUnderTest, order: tuple[str, ...]
) -> None:
    for what in order:
        tell(service, what)
        await service.bus.deliver()
    (contact,) = await service.database.collection("contacts").find({"_id": "mia"})
    assert (contact["email"], contact["erased"]) == (None, True)
    assert "example.org" not in repr(contact)


@pytest.mark.proves("F54")
@pytest.mark.parametrize("order", list(permutations(("address", "erased"))), ids="-".join)
async def test_a_reader_that_slept_past_the_tombstone_drops_its_copy(
    service: ServiceUnderTest, order: tuple[str, ...]
) -> None:
    assert TOPICS["identity.accounts"].keep_days is None
    for what in order:
        tell(service, what)
        await service.bus.deliver()
    (contact,) = await service.database.collection("contacts").find({"_id": "mia"})
    assert (contact["email"], contact["erased"]) == (None, True)


def history(service: ServiceUnderTest, days: int) -> None:
    """One of each event that asks for a mail, as long after the first mail could go out."""
    at = ACTS_FROM + timedelta(days=days)
    later = at + timedelta(days=900)
    about = {"application_id": "a", "account_id": "mia", "submission_id": "s", "destination_id": "d"}
    slot = {
        "reservation_id": "r",
        "account_id": "mia",
        "office": "o",
        "office_name": "Bürgerbüro",
        "place": "Rathaus",
        "starts_at": later,
        "ends_at": later,
    }
    code = {"account_id": "mia", "email": "mia@example.org", "purpose": "verify-email", "code": "123456"}
    put(service, VerificationRequested(occurred_at=at, expires_at=later, **code))
    put(service, SubmissionAccepted(occurred_at=at, case_id="c", **about), 1)
    put(service, SubmissionRejected(occurred_at=at, case_id="c", problems=(), **about), 2)
    put(service, SlotReserved(occurred_at=at, **slot), 1)
    put(service, SlotReleased(occurred_at=at, **slot), 2)


@pytest.mark.proves("F77")
@pytest.mark.parametrize(("days", "messages"), [(-1, 0), (1, 5)])
async def test_what_happened_before_a_handler_acts_gets_no_mail(
    service: ServiceUnderTest, days: int, messages: int
) -> None:
    """A new effect on an old topic reads all history: every handler names the date from which it acts."""
    history(service, days)
    asking = {
        event
        for reader in service.bus._readers
        for event, handler in reader.handlers.items()
        if reader.topic.name not in (CONTACTS, "identity.accounts", "identity.keys")
    }
    assert len(asking) == 5
    await service.bus.deliver()
    assert len(await service.database.collection("messages").find({})) == messages
