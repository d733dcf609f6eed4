"""Sessions in the database."""

from collections.abc import Callable
from datetime import datetime, timedelta

from chassis.aggregates import Aggregates, Codec, Loaded
from chassis.clock import Clock
from chassis.documents import Database, Document, Index
from identity.sessions.domain import LONGEST, Ended, Session, ends_at
from identity.sessions.events import publish

MOST_LISTED = 100
INDEXES = (
    Index((("tenant", 1), ("account", 1), ("ends_at", 1)), "of-account"),
    # 30 days after its end nothing speaks of a session any more: identity.sessions keeps 7, and takes no late repeats.
    Index((("ends_at", 1),), "forgotten", expire_after=timedelta(days=30)),
)


class SessionCodec(Codec[Session]):
    """Session ↔ fields of its document."""

    schema_version = 1

    def dump(self, state: Session) -> Document:
        """Return the fields; those without a value are left out."""
        fields: Document = {
            "account": state.account,
            "opened_at": state.opened_at,
            "authenticated_at": state.authenticated_at,
            "level": state.level,
            "transport": state.transport,
            "device": state.device,
            "generation": state.generation,
            "rotated_at": state.rotated_at,
            "overlap": state.overlap,
            "ends_at": ends_at(state),
            "ended_at": state.ended_at,
            "reason": state.reason,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def load(self, document: Document) -> Session:
        """Return the state."""
        return Session(
            id=document["_id"],
            account=document["account"],
            opened_at=document["opened_at"],
            authenticated_at=document["authenticated_at"],
            level=document["level"],
            transport=document["transport"],
            device=document["device"],
            generation=document["generation"],
            rotated_at=document["rotated_at"],
            overlap=document["overlap"],
            ended_at=document.get("ended_at"),
            reason=document.get("reason"),
        )


class Sessions(Aggregates[Session, Ended]):
    """All sessions of all accounts."""

    @classmethod
    async def open(cls, database: Database, clock: Clock, kick: Callable[[], None]) -> "Sessions":
        """Open the collection and create its indexes."""
        sessions = cls(
            database.collection("sessions"), SessionCodec(), publish, service="identity", clock=clock, kick=kick
        )
        await sessions.ensure(INDEXES)
        return sessions

    async def of_account(self, tenant: str, account: str, now: datetime) -> list[Loaded[Session]]:
        """Return an account's sessions that are not past their longest life, newest first; at most 100."""
        bounds = {"$gt": now, "$lte": now + LONGEST + timedelta(minutes=1)}
        return await self.find(
            {"tenant": tenant, "account": account, "ends_at": bounds}, sort=[("ends_at", -1)], limit=MOST_LISTED
        )
