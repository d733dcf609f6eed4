"""Rebuilding a read model out of the log: a new collection is filled beside the live one, then takes its name.

The live reader goes on all the while. Only for the switch its handlers wait: what they have begun by then lies before
the end of the topics that is read last, so that the new collection has it, and what they begin after meets the new
one, which knows by its own numbers what it has taken. A rebuild that they wait for too long is dead, or may sleep just
before its rename: so whoever goes on without it first takes away what it would rename.

Read models are made of what topics say and of nothing else, and their handlers have no effect outside; what a topic has
forgotten no rebuild brings back. What cannot be handled stops a rebuild, unless it was replayed, given up or outdated
by a newer record since: a rebuilt model lacks nothing that the live one has.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from chassis.clock import Clock
from chassis.documents import Database, Documents, Duplicate
from chassis.ids import uuid7
from chassis.outbox import AT_ONCE
from chassis.places import Places, gaps
from chassis.reader import Handler, Handlers, Reader
from chassis.records import Record
from contracts.envelope import BadEnvelope, Envelope, envelope_of
from contracts.topics import TOPICS

_log = logging.getLogger(__name__)

CLAIMED_FOR = timedelta(seconds=60)
"""Longer than one step of a rebuild takes; of one that died another may begin anew then."""
SWITCH = timedelta(seconds=20)
"""How long live handlers wait for a switch at most; then they end the rebuild and go on."""
_LOOK_AGAIN = 0.05
_COUNT = 60.0
"""Seconds that the last count may take, which looks at all documents: nobody waits for it any more."""

Offsets = Mapping[tuple[str, int], int]
"""By topic and partition."""


class CannotRebuild(Exception):
    """Nothing was switched; the message says why."""


class TopicLog(Protocol):
    """Topics, read from their beginning without a group: ``chassis.topic_log``, or the fake of ``chassis.testing``."""

    async def ends(self) -> Offsets:
        """Return where each partition ends now."""

    def read(self, ends: Offsets) -> AsyncIterator[list[Record]]:
        """Return what has not been returned yet, at least up to these ends, by batches of one partition."""


@dataclass(frozen=True)
class ReadModel:
    """A collection that is made of what some topics say and of nothing else."""

    name: str
    collection: str
    handlers: Callable[[Documents], Mapping[str, Handlers]]
    """What fills a collection, by topic. None of them has an effect outside."""
    prepare: Callable[[Documents], Any]
    """Creates its indexes (a coroutine)."""

    def topics(self, service: str, database: Database) -> list[str]:
        """Return all topics that a rebuild reads: those of the handlers, and their replayed dead letters."""
        names = self.handlers(database.collection(self.collection))
        return [found for name in names for found in (name, TOPICS[name].retry(service))]

    def live(self, database: Database, clock: Clock) -> dict[str, dict[Any, Handler]]:
        """Return the handlers for the live collection, which wait while a rebuilt one takes its name."""
        found = self.handlers(database.collection(self.collection))
        return {
            topic: {kind: _gated(handler, database, self, clock) for kind, handler in handlers.items()}
            for topic, handlers in found.items()
        }


@dataclass(frozen=True)
class Report:
    """What a rebuild did."""

    records: int
    documents: int
    seconds: float


def _gated(handler: Handler, database: Database, model: ReadModel, clock: Clock) -> Handler:
    gate = database.collection("rebuilds")

    async def wait_and_handle(event: Any, envelope: Envelope) -> None:
        while (row := await gate.get(model.name)) and (until := row.get("switching_until")):
            if clock.now() < until:
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                await _end(database, model, row["by"])
        await handler(event, envelope)

    return wait_and_handle


async def _end(database: Database, model: ReadModel, by: str, **still: Any) -> None:
    """End a rebuild that may be dead or asleep, if its row still says so.

    First it can renew its claim no more, so that it begins no rename from then on. Then what it would rename is gone: a
    rename that is under way comes before that, as it should have, or never. Only then others go on. Whoever dies
    in between leaves the row to the next one, and many may do this at once.
    """
    gate, row = database.collection("rebuilds"), {"_id": model.name, "by": by}
    if await gate.update({**row, **still}, {"$set": {"ended": True}}):
        await _leave(database, model, by)


async def _leave(database: Database, model: ReadModel, by: str) -> None:
    for name in _names(model, by):
        await database.drop(name)
    await database.collection("rebuilds").delete({"_id": model.name, "by": by})


def _names(model: ReadModel, by: str) -> tuple[str, str]:
    """Return the collections of one rebuild, the new one and its places: nobody else ever writes there."""
    return f"{model.collection}_rebuilt_{by}", f"{model.collection}_rebuilt_{by}_places"


class Rebuild:
    """One rebuild of one read model of a service."""

    def __init__(self, service: str, model: ReadModel, database: Database, log: TopicLog, clock: Clock) -> None:
        self._service = service
        self._model = model
        self._database = database
        self._log = log
        self._clock = clock
        self._gate = database.collection("rebuilds")
        self._me = uuid7()
        self._new, self._places = _names(model, self._me)
        self._own: dict[str, Places] = {}
        """By group."""
        self._failed: list[tuple[Places, Envelope, str]] = []
        """What could not be handled, and how that is told."""
        self._taken = 0

    async def run(self) -> Report:
        """Fill a new collection from the log and give it the name of the live one.

        A rebuild that is killed leaves a whole collection under the live name, the old or the new; the next one begins
        anew.

        Raises:
            CannotRebuild: another is at it, records cannot be read, or it took too long.
            DatabaseUnavailable: nobody knows which of the two is live.
        """
        began = time.monotonic()
        await self._claim()
        try:
            new = self._database.collection(self._new)
            await self._model.prepare(new)
            readers = await self._readers(new)
            place: Offsets = {}
            while (ends := await self._log.ends()) != place:
                await self._read(readers, ends)
                place = ends
            await self._switch(readers, new)
        finally:
            await _leave(self._database, self._model, self._me)
        documents = await self._database.collection(self._model.collection).count({}, _COUNT)
        return Report(self._taken, documents, time.monotonic() - began)

    async def _claim(self) -> None:
        now = self._clock.now()
        if before := await self._gate.get(self._model.name):
            await _end(self._database, self._model, before["by"], until={"$lte": now})
        try:
            await self._gate.insert({"_id": self._model.name, "by": self._me, "until": now + CLAIMED_FOR})
        except Duplicate:
            raise CannotRebuild(f"{self._model.name} is being rebuilt already, or was until a moment ago") from None

    async def _renew(self, **also: Any) -> None:
        mine = {"_id": self._model.name, "by": self._me, "ended": {"$exists": False}}
        if not await self._gate.update(mine, {"$set": {"until": self._clock.now() + CLAIMED_FOR, **also}}):
            raise CannotRebuild(f"{self._model.name} took too long: others went on without this rebuild")

    async def _readers(self, new: Documents) -> list[Reader]:
        places = self._database.collection(self._places)
        found = []
        for name, handlers in self._model.handlers(new).items():
            topic = TOPICS[name]
            if topic.forgets:
                raise CannotRebuild(f"{name} keeps {topic.keep_days} days: what is older would be lost")
            group = f"{topic.group(self._service)}.rebuild"
            self._own[group] = own = Places(places, group, forgets=topic.forgets, clock=self._clock)
            await own.ensure()
            found.append(Reader(topic, group, handlers, own, self._note_failed))
        return found

    async def _note_failed(self, record: Record, group: str, reason: Exception, tries: int) -> None:
        told = f"{record.topic} {record.partition}/{record.offset}: {type(reason).__name__}"
        try:
            key = (record.key or b"").decode()
            envelope = envelope_of(record.headers, topic=record.topic, partition=-1, offset=-1, key=key)
        except (BadEnvelope, UnicodeDecodeError):
            # It belongs to no source: it has no effect here, as it has none in the live model.
            _log.warning("a record that is no event is passed over", extra={"fields": {"record": told}})
        else:
            self._failed.append((self._own[group], envelope, told))

    async def _read(self, readers: Sequence[Reader], ends: Offsets) -> None:
        by_topic = {name: one for one in readers for name in (one.topic.name, one.topic.retry(self._service))}
        async for records in self._log.read(ends):
            await self._renew()
            rest = await by_topic[records[0].topic].take_many(records)
            if rest.reason is not None:
                raise CannotRebuild(f"{records[0].topic} cannot be read now") from rest.reason
            self._taken += len(records)

    async def _switch(self, readers: Sequence[Reader], new: Documents) -> None:
        await self._renew(switching_until=self._clock.now() + SWITCH)
        await self._read(readers, await self._log.ends())
        await self._check(new)
        await self._renew()  # after the last write: what is taken away from then on does not come back
        await self._database.rename(self._new, self._model.collection)

    async def _check(self, new: Documents) -> None:
        missing = [
            told for places, envelope, told in self._failed if (await places.load(envelope)).last < envelope.sequence
        ]
        # By indexes alone: the service's reading waits meanwhile.
        now = self._clock.now()
        if missing or await gaps(self._database.collection(self._places), now, limit=1):
            shown = "; ".join(missing[:5]) or "an event is missing"
            raise CannotRebuild(f"{len(missing)} records cannot be handled, e.g. {shown}")
        if await new.find({"due": {"$gte": AT_ONCE, "$lte": now}}, limit=1, fields=("_id",)):
            raise CannotRebuild(f"{self._model.name} would publish events: it is no read model")
