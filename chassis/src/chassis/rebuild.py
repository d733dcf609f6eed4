"""Rebuilding a read model out of the log: a new collection is filled beside the live one, then takes its name.

The live reader goes on all the while. Only for the switch its handlers wait: what they have begun by then lies before
the end of the topics that is read last, so that the new collection has it, and what they begin after meets the new
one, which knows by its own numbers what it has taken. Read models are made of what topics say and of nothing else, and
their handlers have no effect outside; what a topic has forgotten no rebuild brings back. What cannot be handled stops a
rebuild, unless it was replayed, given up or outdated by a newer record since: a rebuilt model lacks nothing that the
live one has.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from chassis.clock import Clock
from chassis.documents import Database, Document, Documents, Duplicate
from chassis.ids import uuid7
from chassis.places import Places
from chassis.reader import Handler, Handlers, Reader
from chassis.records import Record
from contracts.envelope import BadEnvelope, Envelope, envelope_of
from contracts.topics import TOPICS

_log = logging.getLogger(__name__)

CLAIMED_FOR = timedelta(seconds=60)
"""Longer than one step of a rebuild takes; of one that died another may begin anew then."""
SWITCH = timedelta(seconds=20)
"""How long live handlers wait for a switch at most."""
_LOOK_AGAIN = 0.05
_LEFT = timedelta(seconds=5)
"""A switch with less time left is given up: the handlers might already go on."""

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
        gate = database.collection("rebuilds")
        found = self.handlers(database.collection(self.collection))
        return {
            topic: {kind: _gated(handler, gate, self.name, clock) for kind, handler in handlers.items()}
            for topic, handlers in found.items()
        }


@dataclass(frozen=True)
class Report:
    """What a rebuild did."""

    records: int
    documents: int
    seconds: float


def _gated(handler: Handler, gate: Documents, name: str, clock: Clock) -> Handler:
    async def wait_and_handle(event: Any, envelope: Envelope) -> None:
        while (row := await gate.get(name)) and (until := row.get("switching_until")) and clock.now() < until:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN)
        await handler(event, envelope)

    return wait_and_handle


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
        self._names = f"{model.collection}_rebuilt", f"{model.collection}_rebuilt_places"
        self._own: dict[str, Places] = {}
        """By group."""
        self._failed: list[tuple[Places, Envelope, str]] = []
        """What could not be handled, and how that is told."""
        self._taken = 0

    async def run(self) -> Report:
        """Fill a new collection from the log and give it the name of the live one.

        A rebuild that is killed leaves the live collection as it is; the next one begins anew.

        Raises:
            CannotRebuild: another is at it, records cannot be read, or the switch took too long.
        """
        began = time.monotonic()
        await self._claim()
        try:
            await self._drop()
            new = self._database.collection(self._names[0])
            await self._model.prepare(new)
            readers = await self._readers(new)
            place: Offsets = {}
            while (ends := await self._log.ends()) != place:
                await self._read(readers, ends)
                place = ends
            documents = await self._switch(readers, new)
        finally:
            await self._drop()
            await self._gate.delete({"_id": self._model.name, "by": self._me})
        return Report(self._taken, documents, time.monotonic() - began)

    async def _claim(self) -> None:
        row: Document = {"_id": self._model.name, "by": self._me, "until": self._clock.now() + CLAIMED_FOR}
        await self._gate.delete({"_id": self._model.name, "until": {"$lte": self._clock.now()}})
        try:
            await self._gate.insert(row)
        except Duplicate:
            raise CannotRebuild(f"{self._model.name} is being rebuilt already, or was until a moment ago") from None

    async def _renew(self, **also: Any) -> None:
        until = {"until": self._clock.now() + CLAIMED_FOR, **also}
        if not await self._gate.update({"_id": self._model.name, "by": self._me}, {"$set": until}):
            raise CannotRebuild(f"another has taken over the rebuild of {self._model.name}")

    async def _readers(self, new: Documents) -> list[Reader]:
        places = self._database.collection(self._names[1])
        found = []
        for name, handlers in self._model.handlers(new).items():
            topic = TOPICS[name]
            if topic.forgets:
                raise CannotRebuild(f"{name} keeps {topic.keep_days} days: what is older would be lost")
            group = f"{topic.group(self._service)}.rebuild"
            self._own[group] = own = Places(places, group, forgets=topic.forgets, clock=self._clock)
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

    async def _switch(self, readers: Sequence[Reader], new: Documents) -> int:
        until = self._clock.now() + SWITCH
        await self._renew(switching_until=until)
        await self._read(readers, await self._log.ends())
        await self._check(new)
        documents = await new.count({})
        if self._clock.now() > until - _LEFT:
            raise CannotRebuild("the last records took too long; nothing was switched, try again")
        await self._renew()
        await self._database.rename(self._names[0], self._model.collection)
        return documents

    async def _check(self, new: Documents) -> None:
        missing = [
            told for places, envelope, told in self._failed if (await places.load(envelope)).last < envelope.sequence
        ]
        if missing or await self._database.collection(self._names[1]).count({"wait": {"$ne": []}}):
            shown = "; ".join(missing[:5]) or "an event is missing"
            raise CannotRebuild(f"{len(missing)} records cannot be handled, e.g. {shown}")
        if await new.count({"due": {"$exists": True}}):
            raise CannotRebuild(f"{self._model.name} would publish events: it is no read model")

    async def _drop(self) -> None:
        for name in self._names:
            await self._database.drop(name)
