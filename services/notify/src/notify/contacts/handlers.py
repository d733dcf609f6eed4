"""What identity tells of addresses."""

from functools import partial

from chassis.broker import Handler
from contracts import Event, Tombstone
from contracts.envelope import Envelope
from contracts.identity import AccountErased, ContactChanged
from notify.contacts.store import Contacts


def handlers(contacts: Contacts) -> dict[str, dict[type[Event] | type[Tombstone], Handler]]:
    """Return the functions for each topic. Erasure comes on two, and whichever is first counts for both."""
    return {
        "identity.contacts": {
            ContactChanged: partial(keep_contact, contacts),
            Tombstone: partial(forget_contact, contacts),
        },
        "identity.accounts": {AccountErased: partial(forget_contact, contacts)},
    }


async def keep_contact(contacts: Contacts, event: ContactChanged, envelope: Envelope) -> None:
    """Remember where the holder can be reached."""
    await contacts.keep(event.account_id, event.email, event.language, envelope)


async def forget_contact(contacts: Contacts, event: Tombstone | AccountErased, envelope: Envelope) -> None:
    """Forget it: the account was erased."""
    await contacts.forget(envelope.subject, envelope)
