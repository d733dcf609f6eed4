"""What identity tells of addresses."""

from contracts import Tombstone
from contracts.envelope import Envelope
from contracts.identity import ContactChanged
from notify.contacts.store import Contacts


async def keep_contact(contacts: Contacts, event: ContactChanged, envelope: Envelope) -> None:
    """Remember where the holder can be reached."""
    await contacts.keep(event.account_id, event.email, event.language, envelope)


async def forget_contact(contacts: Contacts, event: Tombstone, envelope: Envelope) -> None:
    """Forget it: the account was erased."""
    await contacts.forget(envelope.subject, envelope)
