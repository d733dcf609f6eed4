"""How commands on one aggregate are decided together: loaded once, decided in order, written once, answered each.

This is the write rule (``docs/architecture.md``, "One write"). After a conflict or an unknown outcome everything is
loaded and decided again, with what is already known answered first; no refusal is told before the write that it rests
on has happened.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from chassis.clock import Clock
from chassis.documents import DatabaseUnavailable, Document, Documents, Duplicate
from chassis.draft import OWN_FIELDS, Draft, Key, S, change_to, change_to_stub, document_of
from chassis.errors import NotFound
from chassis.outbox import Erased, Outgoing
from chassis.tracing import current_traceparent
from contracts import Event

F = TypeVar("F")

PATIENCE = 2.0
"""Seconds that a command may meet conflicts or a silent database before it is refused with 503."""
_LAST_TRY = 1.0
"""Seconds that a try begun within ``PATIENCE`` may still take."""


class KeyReused(Exception):
    """The Idempotency-Key was used before for another request."""


class VersionConflict(Exception):
    """The document has changed since the caller read it."""


class Busy(DatabaseUnavailable):
    """The command met conflicts or a silent database until its patience ended; nothing is known to be written.

    Never a reason to bury the event that it came from.
    """


class AnotherRelease(DatabaseUnavailable):
    """A newer release has written the document: what this one does not know of it, its own write would lose.

    A process of that release can carry out the same command, so this is never a reason to bury an event.
    """


@dataclass(frozen=True)
class Done(Generic[S]):
    """What became of a command."""

    id: str
    version: int
    state: S
    answer: Document
    repeated: bool
    """The command had been carried out before; ``answer`` is what was answered then."""


class Codec(Protocol[S]):
    """How a state stands in its document."""

    schema_version: int
    """Raised where a release before must not write the document: a field means something else or goes, or one is new
    inside another. A new field of the document itself stays where it is, whoever writes."""

    def dump(self, state: S) -> Document:
        """Return the state as fields of the document. One that is left out, and was not before, is removed."""

    def load(self, document: Document) -> S:
        """Return the state, lifted from the schema version in ``document["schema"]``."""


def state_of(codec: Codec[S], document: Document) -> S:
    """Return the state that a document holds.

    Raises:
        AnotherRelease: this one does not understand it.
    """
    if (schema := document.get("schema", 0)) > codec.schema_version:
        raise AnotherRelease(f"{document['_id']} has schema {schema}, known is {codec.schema_version}")
    return codec.load(document)


Decision = Callable[[S], tuple[S, Sequence[F]]]
Effect = Callable[[S | None], tuple[S, Sequence[F]] | None]
Answer = Callable[[S], Document]


def no_answer(state: object) -> Document:
    """Remember nothing but that the command was carried out."""
    return {}


def never(state: object) -> datetime | None:
    """There is no moment to wait for."""
    return None


def nobody() -> None:
    """Nobody needs to be told."""
    return


@dataclass
class Waiting(Generic[S, F]):
    """One command in the queue of its aggregate."""

    decide: Effect[S, F]
    answer: Answer[S] = no_answer
    tenant: str | None = None
    key: Key | None = None
    origin: tuple[str, int] | None = None
    fired_at: datetime | None = None
    expected_version: int | None = None
    may_create: bool = False
    erases: bool = False
    """Accepted, nothing is left of the aggregate but a stub."""
    makes: bool = False
    """The id follows from the key: but for a repeat there is nothing to load, so the first try does not."""
    trace: str | None = field(default_factory=current_traceparent)
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    outcome: asyncio.Future[Done[S] | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Group(Generic[S, F]):
    """The queues of one kind of aggregates in this process."""

    def __init__(
        self,
        documents: Documents,
        codec: Codec[S],
        publish: Callable[[S, F], Sequence[Event | Erased]],
        *,
        service: str,
        clock: Clock,
        kick: Callable[[], None],
        due_at: Callable[[S], datetime | None],
        size: int,
        pending: int,
    ) -> None:
        self._documents = documents
        self._codec = codec
        self._publish = publish
        self._service = service
        self._clock = clock
        self._kick = kick
        self._due_at = due_at
        self._size = size
        self._pending = pending
        self._queues: dict[str, deque[Waiting[S, F]]] = {}
        self._runners: set[asyncio.Task[None]] = set()

    async def decide(self, id: str, waiting: Waiting[S, F]) -> Done[S] | None:
        """Put a command into its aggregate's queue and wait for its outcome."""
        queue = self._queues.get(id)
        if queue is not None:
            queue.append(waiting)
        else:
            self._queues[id] = deque([waiting])
            runner = asyncio.create_task(self._work_off(id), name=f"decide {self._documents.name}")
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)
        # The outcome is no part of the caller: what has begun goes on when the caller is gone.
        await asyncio.wait([waiting.outcome], timeout=PATIENCE + _LAST_TRY)
        _fail(waiting, self._busy())
        return waiting.outcome.result()

    async def _work_off(self, id: str) -> None:
        queue = self._queues[id]
        try:
            while queue:
                batch = [queue.popleft() for _ in range(min(self._size, len(queue)))]
                try:
                    await self._decide_together(id, batch)
                except Exception as error:
                    for waiting in batch:
                        _fail(waiting, error)
        finally:
            del self._queues[id]

    async def _decide_together(self, id: str, batch: list[Waiting[S, F]]) -> None:
        while batch:
            batch = self._patient(batch)
            try:
                if await self._decide_once(id, batch):
                    return
            except DatabaseUnavailable:
                await asyncio.sleep(0.05)
            except Duplicate:
                if len(batch) == 1:
                    raise
                for waiting in batch:  # one of them took a value that must be unique; the others go on
                    await self._alone(id, waiting)
                return

    async def _alone(self, id: str, waiting: Waiting[S, F]) -> None:
        try:
            await self._decide_together(id, [waiting])
        except Exception as error:
            _fail(waiting, error)

    def _patient(self, batch: list[Waiting[S, F]]) -> list[Waiting[S, F]]:
        now = asyncio.get_running_loop().time()
        for waiting in batch:
            if now - waiting.since > PATIENCE:
                _fail(waiting, self._busy())
        return [waiting for waiting in batch if not waiting.outcome.done()]

    def _busy(self) -> Busy:
        return Busy(f"{self._documents.name}: no decision within {PATIENCE} s")

    async def _decide_once(self, id: str, batch: list[Waiting[S, F]]) -> bool:
        """Load, decide all in order, write once. False after a conflict: decide again."""
        unseen = all(waiting.makes for waiting in batch)
        for waiting in batch:
            waiting.makes = False
        document = None if unseen else await self._documents.get(id)
        try:
            draft = self._draft(id, document)
        except AnotherRelease as error:  # to try again in this process would help nobody
            for waiting in batch:
                _fail(waiting, error)
            return True
        settle: list[Callable[[], None]] = [self._decide(draft, waiting) for waiting in batch]
        if unseen and draft.changes < len(batch):
            return False  # what looks like a refusal may be the repeat of what was accepted
        if draft.changes and not await self._write(draft):
            return False
        for end in settle:
            end()
        if draft.outgoing.entries:
            self._kick()
        return True

    def _draft(self, id: str, document: Document | None) -> Draft[S]:
        present = document is not None and not document.get("gone")
        state = state_of(self._codec, document) if document and present else None
        return Draft(id, Outgoing(self._service, document or {}, self._pending), document, state)

    def _decide(self, draft: Draft[S], waiting: Waiting[S, F]) -> Callable[[], None]:
        """Decide one command on the draft; what it returns tells the caller, once the write has happened."""
        try:
            repeated = self._repeated(draft, waiting)
            if repeated is not None:
                return repeated
            outcome = waiting.decide(draft.state)
            if outcome is None:
                return lambda: _tell(waiting, None)
            state, facts = outcome
            events = [event for fact in facts for event in self._publish(state, fact)]
            answer, at = waiting.answer(state), self._due_at(state)
            draft.outgoing.add(events, at=self._clock.now(), trace=waiting.trace)
        except Exception as error:
            return lambda refusal=error: _fail(waiting, refusal)  # type: ignore[misc]
        return self._accept(draft, waiting, state, answer, at)

    def _repeated(self, draft: Draft[S], waiting: Waiting[S, F]) -> Callable[[], None] | None:
        """Answer what is known already, and refuse what the caller must not see."""
        if draft.tenant is None and not waiting.may_create and waiting.fired_at is None:
            raise NotFound(f"{self._documents.name} {draft.id}")
        if waiting.tenant is not None and draft.tenant not in (None, waiting.tenant):
            raise NotFound(f"{self._documents.name} {draft.id}")
        if draft.gone:
            return self._erased(draft, waiting)
        if waiting.origin is not None and draft.origins.get(waiting.origin[0], 0) >= waiting.origin[1]:
            return lambda: _tell(waiting, None)
        if waiting.fired_at is not None and draft.at != waiting.fired_at:
            return lambda: _tell(waiting, None)
        if waiting.key is not None and (known := draft.known(waiting.key)) is not None:
            return self._known(draft, waiting, known)
        present = draft.version + draft.changes
        if waiting.expected_version not in (None, present):
            raise VersionConflict(f"version {waiting.expected_version} was expected, {present} is the present one")
        return None

    def _erased(self, draft: Draft[S], waiting: Waiting[S, F]) -> Callable[[], None]:
        """What was erased stays so: no event brings it back, and no command finds it but the one that erased it."""
        told = waiting.origin is not None or waiting.fired_at is not None
        if told or (waiting.erases and waiting.key and draft.known(waiting.key)):
            return lambda: _tell(waiting, None)
        raise NotFound(f"{self._documents.name} {draft.id}")

    def _known(self, draft: Draft[S], waiting: Waiting[S, F], known: Document) -> Callable[[], None]:
        if waiting.key is None or known["digest"] != waiting.key.digest:
            raise KeyReused("the Idempotency-Key stands for another request")
        if draft.state is None:
            raise NotFound(f"{self._documents.name} {draft.id}")
        state, version = draft.state, draft.version + draft.changes
        return lambda: _tell(waiting, Done(draft.id, version, state, known["answer"], repeated=True))

    def _accept(
        self, draft: Draft[S], waiting: Waiting[S, F], state: S, answer: Document, at: datetime | None
    ) -> Callable[[], None]:
        draft.state, draft.at, draft.gone = state, at, waiting.erases
        draft.changes += 1
        version = draft.version + draft.changes
        if draft.tenant is None:
            draft.tenant, draft.trace = waiting.tenant, waiting.trace
        if waiting.key is not None:
            draft.keys.append(
                {
                    "account": waiting.key.account,
                    "key": waiting.key.value,
                    "digest": waiting.key.digest,
                    "answer": answer,
                }
            )
        if waiting.origin is not None:
            draft.origins[waiting.origin[0]] = draft.new_origins[waiting.origin[0]] = waiting.origin[1]
        return lambda: _tell(waiting, Done(draft.id, version, state, answer, repeated=False))

    async def _write(self, draft: Draft[S]) -> bool:
        if draft.document is None:
            return await self._insert(document_of(draft, self._fields(draft)))
        if draft.gone:
            change = change_to_stub(draft, draft.document)
        else:
            fields = self._fields(draft)
            change = change_to(draft, fields, self._left_out(draft.document, fields))
        # A rebuilt read model may have the same version without having taken the same.
        known = draft.document.get("src", {})
        untaken = {f"src.{origin}": known.get(origin, {"$exists": False}) for origin in draft.new_origins}
        return await self._documents.update({"_id": draft.id, "v": draft.version, **untaken}, change)

    def _fields(self, draft: Draft[S]) -> Document:
        if draft.gone:
            return {"gone": True}
        assert draft.state is not None  # noqa: S101 - only changed drafts are written
        fields = self._codec.dump(draft.state)
        if taken := OWN_FIELDS & fields.keys():
            raise ValueError(f"{self._documents.name}: a state may not have the fields {sorted(taken)}")
        fields["schema"] = self._codec.schema_version
        if draft.at is not None:
            fields["at"] = draft.at
        return fields

    def _left_out(self, document: Document, fields: Document) -> list[str]:
        """Return the fields that the state has no more. What this release never names is a newer one's, and stays."""
        absent = [name for name in document if name not in OWN_FIELDS and name not in fields]
        if not absent or document.get("schema", 0) < self._codec.schema_version:
            return absent
        known = self._codec.dump(self._codec.load(document))
        return [name for name in absent if name in known]

    async def _insert(self, document: Document) -> bool:
        try:
            await self._documents.insert(document)
        except Duplicate:
            if await self._documents.get(document["_id"]) is None:
                raise
            return False
        return True


def _tell(waiting: Waiting[S, F], done: Done[S] | None) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_result(done)


def _fail(waiting: Waiting[S, F], error: Exception) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_exception(error)
        waiting.outcome.exception()  # the caller may be gone; then nobody else asks
