"""What identity tells of addresses."""

from functools import partial

from chassis.broker import Handler
from chassis.clock import Clock
from chassis.documents import Documents
from chassis.rebuild import ReadModel
from contracts import Event, Tombstone
from contracts.envelope import Envelope
from contracts.identity import AccountErased, ContactChanged
from notify.contacts.store import Contacts


def read_model(clock: Clock) -> ReadModel:
    """Return how contacts are made of what identity tells. Erasure comes on two topics; whichever is first counts."""

    def handlers(documents: Documents) -> dict[str, dict[type[Event] | type[Tombstone], Handler]]:
        contacts = Contacts(documents, clock)
        forget = partial(forget_contact, contacts)
        return {
            "identity.contacts": {ContactChanged: partial(keep_contact, contacts), Tombstone: forget},
            "identity.accounts": {AccountErased: forget},
        }

    return ReadModel("contacts", "contacts", handlers, lambda documents: Contacts(documents, clock).ensure())


async def keep_contact(contacts: Contacts, event: ContactChanged, envelope: Envelope) -> None:
    """Remember where the holder can be reached."""
    await contacts.keep(event.account_id, event.email, event.language, envelope)


async def forget_contact(contacts: Contacts, event: Tombstone | AccountErased, envelope: Envelope) -> None:
    """Forget it: the account was erased."""
    await contacts.forget(envelope.subject, envelope)
