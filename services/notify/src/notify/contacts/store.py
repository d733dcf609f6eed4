"""Contacts as documents, one for each account."""

from chassis.aggregates import Aggregates
from chassis.clock import Clock
from chassis.documents import Document, Documents
from contracts.envelope import Envelope
from notify.contacts.domain import Contact, changed, forgotten


class ContactCodec:
    """A contact as fields of its document."""

    schema_version = 1

    def dump(self, state: Contact) -> Document:
        """Return the fields."""
        return {"email": state.email, "language": state.language, "erased": state.erased}

    def load(self, document: Document) -> Contact:
        """Return the contact."""
        return Contact(document["email"], document["language"], document["erased"])


class Contacts:
    """All contacts."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self.aggregates: Aggregates[Contact, None] = Aggregates(
            documents, ContactCodec(), lambda state, fact: (), service="notify", clock=clock
        )

    async def ensure(self) -> None:
        """Create the indexes."""
        await self.aggregates.ensure()

    async def keep(self, account_id: str, email: str, language: str, envelope: Envelope) -> None:
        """Take over an address."""

        def decide(state: Contact | None) -> tuple[Contact, tuple[()]] | None:
            contact = changed(state, email, language)
            return None if contact is None else (contact, ())

        await self.aggregates.absorb(account_id, envelope, decide)

    async def forget(self, account_id: str, envelope: Envelope) -> None:
        """Drop an address for good."""
        await self.aggregates.absorb(account_id, envelope, lambda state: (forgotten(state), ()))

    async def of(self, tenant: str, account_id: str) -> Contact | None:
        """Return an account's contact; None where it has not arrived yet."""
        found = await self.aggregates.find({"_id": account_id}, limit=1)
        return found[0].state if found and found[0].tenant == tenant else None
