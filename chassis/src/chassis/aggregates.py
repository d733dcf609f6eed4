"""Aggregates: one document each, whose events are born in the same write as its new state."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from chassis.clock import Clock
from chassis.documents import Document, Documents, Index
from chassis.draft import Key, S
from chassis.errors import NotFound
from chassis.group import (
    AnotherRelease,
    Answer,
    Busy,
    Codec,
    Decision,
    Done,
    Effect,
    F,
    Group,
    KeyReused,
    VersionConflict,
    Waiting,
    never,
    no_answer,
    nobody,
    state_of,
)
from chassis.ids import aggregate_id
from chassis.outbox import MOST_PENDING, Erased, field_of
from contracts import Event
from contracts.envelope import Envelope

__all__ = [
    "Aggregates",
    "AnotherRelease",
    "Busy",
    "Codec",
    "Done",
    "Erased",
    "Key",
    "KeyReused",
    "Loaded",
    "VersionConflict",
]

_INDEXES = (
    Index((("due", 1),), "relay", sparse=True),
    Index((("at", 1),), "timers", sparse=True),
)


@dataclass(frozen=True)
class Loaded(Generic[S]):
    """An aggregate as it was when it was read."""

    id: str
    tenant: str
    version: int
    state: S
    trace: str | None
    """``traceparent`` of the request or event that made the aggregate."""
    at: datetime | None
    """When the timers must look at it."""


class Aggregates(Generic[S, F]):
    """All aggregates of one kind: a collection, how to read it, and what to publish of its facts."""

    def __init__(
        self,
        documents: Documents,
        codec: Codec[S],
        publish: Callable[[S, F], Sequence[Event | Erased]],
        *,
        service: str,
        clock: Clock,
        kick: Callable[[], None] = nobody,
        due_at: Callable[[S], datetime | None] = never,
        group: int = 16,
        pending: int = MOST_PENDING,
    ) -> None:
        """Open a kind of aggregates.

        Args:
            documents: the collection.
            codec: how a state stands in its document.
            publish: fact to events.
            service: who publishes.
            clock: tells the time.
            kick: wakes the relay.
            due_at: when the timers must look at a state.
            group: commands on one aggregate that are decided and written together; more than 16 only where each names
                the thing that it makes or changes.
            pending: events that one document may hold back until the broker takes them.
        """
        self.documents = documents
        self._codec = codec
        self._group = Group(
            documents,
            codec,
            publish,
            service=service,
            clock=clock,
            kick=kick,
            due_at=due_at,
            size=group,
            pending=pending,
        )

    async def ensure(self, indexes: Sequence[Index] = ()) -> None:
        """Create the indexes: the kind's own, the relay's and the timers'."""
        await self.documents.ensure([*_INDEXES, *indexes])

    async def load(self, tenant: str, id: str) -> Loaded[S]:
        """Read one aggregate.

        Raises:
            NotFound: there is none, or it belongs to another municipality.
        """
        document = await self.documents.get(id)
        if document is None or document["tenant"] != tenant or document.get("gone"):
            raise NotFound(f"{self.documents.name} {id}")
        return self.loaded(document)

    async def find(self, where: Document, *, sort: Sequence[tuple[str, int]] = (), limit: int = 100) -> list[Loaded[S]]:
        """Read the aggregates that match; ``where`` must be served by an index."""
        documents = await self.documents.find(where, sort=sort, limit=limit)
        return [self.loaded(found) for found in documents if not found.get("gone")]

    async def create(
        self, tenant: str, key: Key, make: Callable[[str], tuple[S, Sequence[F]]], answer: Answer[S] = no_answer
    ) -> Done[S]:
        """Make a new aggregate whose id follows from tenant, account and key, so that a retry meets the first.

        Raises:
            KeyReused: the key made another one.
            Duplicate: a unique index refused it.
            Busy: the database was silent; told after 2 s, or 3 where the last try hangs.
        """
        id = aggregate_id(tenant, key.account, key.value)
        done = await self._group.decide(
            id, Waiting(lambda state: make(id), answer, tenant, key, may_create=True, makes=True)
        )
        assert done is not None  # noqa: S101 - only timers and effects end without an outcome
        return done

    async def command(
        self,
        tenant: str,
        id: str,
        key: Key,
        decide: Decision[S, F],
        answer: Answer[S] = no_answer,
        *,
        expected_version: int | None = None,
        initial: Callable[[], S] | None = None,
    ) -> Done[S]:
        """Decide a command on an existing aggregate and write the outcome; errors of ``decide`` reach the caller.

        Args:
            tenant: the caller's municipality.
            id: the aggregate.
            key: makes a repeat harmless: it is answered like the first time.
            decide: pure; called again after a conflict.
            answer: what to remember and to give back, from the new state.
            expected_version: the version that the caller has seen (If-Match).
            initial: the state to start from where the aggregate does not exist.

        Raises:
            NotFound: there is none, or it belongs to another municipality.
            KeyReused: the key stands for another command.
            VersionConflict: ``expected_version`` is not the present one.
            OutboxFull: too many events wait for the broker.
            TooMuchToTell: the events of this command will never fit.
            Busy: conflicts or a silent database; told after 2 s, or 3 where the last try hangs.
        """

        def effect(state: S | None) -> tuple[S, Sequence[F]]:
            if state is not None:
                return decide(state)
            if initial is None:
                raise NotFound(f"{self.documents.name} {id}")
            return decide(initial())

        waiting = Waiting(
            effect, answer, tenant, key, expected_version=expected_version, may_create=initial is not None
        )
        done = await self._group.decide(id, waiting)
        assert done is not None  # noqa: S101 - only timers and effects end without an outcome
        return done

    async def erase(self, tenant: str, id: str, key: Key, decide: Callable[[S], Sequence[F]]) -> None:
        """Erase an aggregate for good: a stub stays that no redelivered event and no repeated command brings back.

        ``decide`` returns the facts to publish, among them a tombstone for each compacted topic that the aggregate
        spoke on; its errors reach the caller. A repeat under the same key changes nothing.

        Raises:
            NotFound: there is none, or it belongs to another municipality.
            OutboxFull: too many events wait for the broker.
            Busy: conflicts or a silent database; told after 2 s, or 3 where the last try hangs.
        """

        def effect(state: S | None) -> tuple[S, Sequence[F]]:
            if state is None:
                raise NotFound(f"{self.documents.name} {id}")
            return state, decide(state)

        await self._group.decide(id, Waiting(effect, tenant=tenant, key=key, erases=True))

    async def absorb(self, id: str, envelope: Envelope, decide: Effect[S, F]) -> bool:
        """Let an event take its effect on an aggregate, once for each (topic, source, sequence number).

        ``decide`` gets None where the aggregate does not exist yet, and returns None where there is nothing to do.
        Returns whether it took effect now.
        """
        waiting = Waiting(
            decide,
            tenant=envelope.tenant,
            origin=(origin_of(envelope), envelope.sequence),
            may_create=True,
        )
        return await self._group.decide(id, waiting) is not None

    async def timer(self, id: str, at: datetime, decide: Decision[S, F]) -> Done[S] | None:
        """Do what was due at ``at``; None where it has become pointless: done, moved or gone.

        ``decide`` must move or drop the moment, or the same firing would count twice.
        """

        def effect(state: S | None) -> tuple[S, Sequence[F]] | None:
            return None if state is None else decide(state)

        return await self._group.decide(id, Waiting(effect, fired_at=at))

    def loaded(self, document: Document) -> Loaded[S]:
        """Return the aggregate that a document of the collection holds.

        Raises:
            AnotherRelease: this one does not understand it.
        """
        return Loaded(
            id=document["_id"],
            tenant=document["tenant"],
            version=document["v"],
            state=state_of(self._codec, document),
            trace=document.get("trace"),
            at=document.get("at"),
        )


def origin_of(envelope: Envelope) -> str:
    """Return the field name under which a target remembers how far it has taken one source's events of one topic."""
    source = hashlib.sha256(envelope.subject.encode()).hexdigest()[:24]
    return f"{field_of(envelope.topic)}:{source}"
