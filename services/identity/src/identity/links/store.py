"""Link attempts in the database. They publish nothing: what comes of them is written on the account."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Never

from chassis.aggregates import Aggregates, Codec
from chassis.clock import Clock
from chassis.documents import Database, Document, Index
from contracts import Event
from identity.links.domain import Attempt

INDEXES = (Index((("expires_at", 1),), "forgotten", expire_after=timedelta(days=1)),)


class AttemptCodec(Codec[Attempt]):
    """Attempt ↔ fields of its document."""

    schema_version = 1

    def dump(self, state: Attempt) -> Document:
        """Return the fields."""
        return {
            "account": state.account,
            "session": state.session,
            "asked": state.asked,
            "status": state.status,
            "expires_at": state.expires_at,
        }

    def load(self, document: Document) -> Attempt:
        """Return the state."""
        return Attempt(
            account=document["account"],
            session=document["session"],
            asked=document["asked"],
            status=document["status"],
            expires_at=document["expires_at"],
        )


class Attempts(Aggregates[Attempt, Never]):
    """All link attempts of the last day."""

    @classmethod
    async def open(cls, database: Database, clock: Clock, kick: Callable[[], None]) -> "Attempts":
        """Open the collection and create its indexes."""
        attempts = cls(
            database.collection("link_attempts"), AttemptCodec(), _nothing, service="identity", clock=clock, kick=kick
        )
        await attempts.ensure(INDEXES)
        return attempts


def _nothing(attempt: Attempt, fact: Never) -> Sequence[Event]:
    return ()
