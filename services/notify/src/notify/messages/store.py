"""Messages as documents."""

from collections.abc import Callable

from chassis.aggregates import Aggregates, Loaded
from chassis.clock import Clock
from chassis.documents import Database, Document, Index
from chassis.errors import NotFound
from chassis.ids import aggregate_id
from contracts.envelope import Envelope
from notify.messages.domain import Fact, Message
from notify.messages.events import publish

MOST_LISTED = 100
_INDEXES = (Index((("tenant", 1), ("account_id", 1), ("made_at", -1)), "account"),)


class MessageCodec:
    """A message as fields of its document."""

    schema_version = 1

    def dump(self, state: Message) -> Document:
        """Return the fields."""
        return {
            "kind": state.kind,
            "account_id": state.account_id,
            "about": dict(state.about),
            "made_at": state.made_at,
            "try_at": state.at,
            "expires_at": state.expires_at,
            "status": state.status,
            "subject": state.subject,
            "text": state.text,
            "ended_at": state.ended_at,
        }

    def load(self, document: Document) -> Message:
        """Return the message."""
        return Message(
            document["_id"],
            document["kind"],
            document["account_id"],
            document["about"],
            document["made_at"],
            document["try_at"],
            document["expires_at"],
            document["status"],
            document["subject"],
            document["text"],
            document["ended_at"],
        )


class Messages:
    """All messages."""

    def __init__(self, database: Database, clock: Clock, kick: Callable[[], None]) -> None:
        self.aggregates: Aggregates[Message, Fact] = Aggregates(
            database.collection("messages"),
            MessageCodec(),
            publish,
            service="notify",
            clock=clock,
            kick=kick,
            due_at=lambda state: state.at,
        )
        self._kick = kick

    async def ensure(self) -> None:
        """Create the indexes."""
        await self.aggregates.ensure(_INDEXES)

    async def begin(self, envelope: Envelope, make: Callable[[str], Message]) -> None:
        """Begin the one message that an event asks for, however often it comes."""
        id = aggregate_id(envelope.tenant, "message", envelope.id)
        await self.aggregates.absorb(id, envelope, lambda state: None if state else (make(id), ()))
        self._kick()

    async def of_account(self, tenant: str, account_id: str) -> list[Loaded[Message]]:
        """Return an account's newest messages."""
        where = {"tenant": tenant, "account_id": account_id}
        return await self.aggregates.find(where, sort=(("made_at", -1),), limit=MOST_LISTED)

    async def of_account_one(self, tenant: str, id: str, account_id: str) -> Message:
        """Return one message. Raises NotFound where the account has none with this id."""
        found = await self.aggregates.load(tenant, id)
        if found.state.account_id != account_id:
            raise NotFound(f"message {id}")
        return found.state
