"""What identity tells of addresses."""

from contracts import Tombstone
from contracts.envelope import Envelope
from contracts.identity import AccountErased, ContactChanged
from notify.contacts.store import Contacts


async def keep_contact(contacts: Contacts, event: ContactChanged, envelope: Envelope) -> None:
    """Remember where the holder can be reached."""
    await contacts.keep(event.account_id, event.email, event.language, envelope)


async def forget_contact(contacts: Contacts, event: Tombstone | AccountErased, envelope: Envelope) -> None:
    """Forget it: the account was erased. That is told on two topics, and whichever is first counts for both."""
    await contacts.forget(envelope.subject, envelope)
