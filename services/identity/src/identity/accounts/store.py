"""Accounts in the database."""

from collections.abc import Callable, Sequence
from datetime import datetime

from chassis.aggregates import Aggregates, Codec, Erased, Loaded
from chassis.clock import Clock
from chassis.documents import Database, Document, Index
from contracts import Event
from identity.accounts.domain import Account, Challenge, Deleted, Fact, Link, address_key, lapses_at
from identity.accounts.events import publish

CONTACTS = "identity.contacts"
INDEXES = (
    Index((("tenant", 1), ("address", 1)), "address-once", unique=True, only_where={"status": "active"}),
    Index(
        (("tenant", 1), ("link_issuer", 1), ("link_subject", 1)),
        "landeskonto-once",
        unique=True,
        only_where={"linked": True},
    ),
)
"""An unproven account holds neither address nor Landeskonto: nobody can block another's by registering first."""


class AccountCodec(Codec[Account]):
    """Account ↔ fields of its document."""

    schema_version = 1

    def dump(self, state: Account) -> Document:
        """Return the fields; those without a value are left out."""
        challenge, link = state.challenge, state.link
        fields: Document = {
            "email": state.email,
            "address": address_key(state.email),
            "password": state.password,
            "language": state.language,
            "registered_at": state.registered_at,
            "status": state.status,
            "linked": link is not None,
            "verified_at": state.verified_at,
            "only_session": state.only_session,
            "only_since": state.only_since,
        }
        if challenge:
            fields |= {"code": challenge.digest, "code_expires_at": challenge.expires_at, "code_tries": challenge.tries}
        if link:
            fields |= {
                "link_issuer": link.issuer,
                "link_subject": link.subject,
                "link_level": link.level,
                "link_authenticated_at": link.authenticated_at,
                "linked_at": link.linked_at,
                "link_attempt": link.attempt,
            }
        return {name: value for name, value in fields.items() if value is not None}

    def load(self, document: Document) -> Account:
        """Return the state."""
        return Account(
            id=document["_id"],
            email=document["email"],
            password=document["password"],
            language=document["language"],
            registered_at=document["registered_at"],
            status=document["status"],
            challenge=_challenge(document),
            verified_at=document.get("verified_at"),
            link=_link(document),
            only_session=document.get("only_session"),
            only_since=document.get("only_since"),
        )


class Accounts(Aggregates[Account, Fact]):
    """All accounts of all municipalities."""

    @classmethod
    async def open(cls, database: Database, clock: Clock, kick: Callable[[], None]) -> "Accounts":
        """Open the collection and create its indexes."""
        accounts = cls(
            database.collection("accounts"),
            AccountCodec(),
            _publish,
            service="identity",
            clock=clock,
            kick=kick,
            due_at=lapses_at,
        )
        await accounts.ensure(INDEXES)
        return accounts

    async def holding(self, tenant: str, email: str) -> Loaded[Account] | None:
        """Return the account that has proven a mail address."""
        found = await self.find({"tenant": tenant, "address": address_key(email), "status": "active"}, limit=1)
        return found[0] if found else None


def _publish(account: Account, fact: Fact) -> Sequence[Event | Erased]:
    """Tell of a fact; an erasure on the compacted topic too, though whoever sleeps past a tombstone hears the event."""
    events = publish(account, fact)
    return [*events, Erased(CONTACTS)] if isinstance(fact, Deleted) else events


def _challenge(document: Document) -> Challenge | None:
    expires_at: datetime | None = document.get("code_expires_at")
    return None if expires_at is None else Challenge(document.get("code"), expires_at, document["code_tries"])


def _link(document: Document) -> Link | None:
    if not document["linked"]:
        return None
    return Link(
        issuer=document["link_issuer"],
        subject=document["link_subject"],
        level=document["link_level"],
        authenticated_at=document["link_authenticated_at"],
        linked_at=document["linked_at"],
        attempt=document["link_attempt"],
    )
