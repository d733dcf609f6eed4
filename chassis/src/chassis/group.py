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
from typing import Any, Generic, Protocol, TypeVar

from chassis.clock import Clock
from chassis.documents import DatabaseUnavailable, Document, Documents, Duplicate
from chassis.errors import NotFound
from chassis.outbox import Erased, Outgoing, shard_of
from chassis.tracing import current_traceparent
from contracts import Event

S = TypeVar("S")
F = TypeVar("F")

MOST_KEYS = 32
"""Commands that a document remembers as a short cut; see ``docs/architecture.md`` for documents with more."""
PATIENCE = 2.0
"""Seconds that a command may meet conflicts or a silent database before it is refused with 503."""
_LAST_TRY = 1.0
"""Seconds that a try begun within ``PATIENCE`` may still take."""
_OWN_FIELDS = frozenset(
    {
        "_id",
        "tenant",
        "v",
        "seq",
        "shard",
        "out",
        "due",
        "born",
        "cmds",
        "sent",
        "newest",
        "src",
        "at",
        "trace",
        "schema",
    }
)


class KeyReused(Exception):
    """The Idempotency-Key was used before for another request."""


class VersionConflict(Exception):
    """The document has changed since the caller read it."""


class Busy(DatabaseUnavailable):
    """The command met conflicts or a silent database until its patience ended; nothing is known to be written.

    Never a reason to bury the event that it came from.
    """


@dataclass(frozen=True)
class Key:
    """Whose command it is, which one, and what it says."""

    account: str
    value: str
    """The Idempotency-Key."""
    digest: str
    """SHA-256 over method, path and body."""


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

    def dump(self, state: S) -> Document:
        """Return the state as fields of the document. A field that is left out is removed."""

    def load(self, document: Document) -> S:
        """Return the state, lifted from the schema version in ``document["schema"]``."""


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
    trace: str | None = field(default_factory=current_traceparent)
    since: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    outcome: asyncio.Future[Done[S] | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Draft(Generic[S]):
    """The document as it will be once the decisions so far are written."""

    def __init__(self, id: str, service: str, document: Document | None, state: S | None) -> None:
        self.id = id
        self.document = document
        self.state = state
        self.version: int = document["v"] if document else 0
        self.tenant: str | None = document["tenant"] if document else None
        self.outgoing = Outgoing(service, document or {})
        self.keys: list[Document] = []
        self.origins: dict[str, int] = dict(document.get("src", {})) if document else {}
        self.new_origins: dict[str, int] = {}
        self.trace: str | None = document.get("trace") if document else None
        self.at: datetime | None = document.get("at") if document else None
        self.changes = 0
        """Accepted decisions; each has a version of its own, so that nobody's version holds what he has not seen."""

    def known(self, key: Key) -> Document | None:
        """Return what is remembered of a command."""
        remembered = [*(self.document or {}).get("cmds", ()), *self.keys]
        born = (self.document or {}).get("born")
        for entry in [born, *remembered] if born else remembered:
            if entry["account"] == key.account and entry["key"] == key.value:
                return dict(entry)
        return None


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
    ) -> None:
        self._documents = documents
        self._codec = codec
        self._publish = publish
        self._service = service
        self._clock = clock
        self._kick = kick
        self._due_at = due_at
        self._size = size
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
        document = await self._documents.get(id)
        draft = Draft(id, self._service, document, self._codec.load(document) if document else None)
        settle: list[Callable[[], None]] = [self._decide(draft, waiting) for waiting in batch]
        if draft.changes and not await self._write(draft):
            return False
        for end in settle:
            end()
        if draft.outgoing.entries:
            self._kick()
        return True

    def _decide(self, draft: "Draft[S]", waiting: Waiting[S, F]) -> Callable[[], None]:
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

    def _repeated(self, draft: "Draft[S]", waiting: Waiting[S, F]) -> Callable[[], None] | None:
        """Answer what is known already, and refuse what the caller must not see."""
        if draft.tenant is None and not waiting.may_create and waiting.fired_at is None:
            raise NotFound(f"{self._documents.name} {draft.id}")
        if waiting.tenant is not None and draft.tenant not in (None, waiting.tenant):
            raise NotFound(f"{self._documents.name} {draft.id}")
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

    def _known(self, draft: "Draft[S]", waiting: Waiting[S, F], known: Document) -> Callable[[], None]:
        if waiting.key is None or known["digest"] != waiting.key.digest:
            raise KeyReused("the Idempotency-Key stands for another request")
        if draft.state is None:
            raise NotFound(f"{self._documents.name} {draft.id}")
        state, version = draft.state, draft.version + draft.changes
        return lambda: _tell(waiting, Done(draft.id, version, state, known["answer"], repeated=True))

    def _accept(
        self, draft: "Draft[S]", waiting: Waiting[S, F], state: S, answer: Document, at: datetime | None
    ) -> Callable[[], None]:
        draft.state, draft.at = state, at
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

    async def _write(self, draft: "Draft[S]") -> bool:
        assert draft.state is not None  # noqa: S101 - only changed drafts are written
        fields = self._codec.dump(draft.state)
        if taken := _OWN_FIELDS & fields.keys():
            raise ValueError(f"{self._documents.name}: a state may not have the fields {sorted(taken)}")
        fields["schema"] = self._codec.schema_version
        if draft.at is not None:
            fields["at"] = draft.at
        if draft.document is None:
            return await self._insert(draft, fields)
        return await self._update(draft, draft.document, fields)

    async def _insert(self, draft: "Draft[S]", fields: Document) -> bool:
        born, others = (draft.keys[0], draft.keys[1:]) if draft.keys else (None, [])
        document: Document = {
            "_id": draft.id,
            "tenant": draft.tenant,
            "v": draft.changes,
            "shard": shard_of(draft.id),
            "trace": draft.trace,
            "born": born,
            "cmds": others,
            "src": draft.origins,
            **draft.outgoing.fields(),
            **fields,
        }
        try:
            await self._documents.insert(document)
        except Duplicate:
            if await self._documents.get(draft.id) is None:
                raise
            return False
        return True

    async def _update(self, draft: "Draft[S]", document: Document, fields: Document) -> bool:
        changed = {name: value for name, value in fields.items() if name not in document or document[name] != value}
        removed = [name for name in document if name not in _OWN_FIELDS and name not in fields]
        if "at" in document and "at" not in fields:
            removed.append("at")
        numbers, push = draft.outgoing.change()
        pushes: dict[str, Any] = dict(push)
        if draft.keys:
            pushes["cmds"] = {"$each": draft.keys, "$slice": -MOST_KEYS}
        sources = {f"src.{origin}": number for origin, number in draft.new_origins.items()}
        change: Document = {"$inc": {"v": draft.changes}, "$set": {**changed, **numbers, **sources}}
        if not change["$set"]:
            del change["$set"]
        if removed:
            change["$unset"] = dict.fromkeys(removed, 1)
        if pushes:
            change["$push"] = pushes
        return await self._documents.update({"_id": draft.id, "v": draft.version}, change)


def _tell(waiting: Waiting[S, F], done: Done[S] | None) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_result(done)


def _fail(waiting: Waiting[S, F], error: Exception) -> None:
    if not waiting.outcome.done():
        waiting.outcome.set_exception(error)
        waiting.outcome.exception()  # the caller may be gone; then nobody else asks
