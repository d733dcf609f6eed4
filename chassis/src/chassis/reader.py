"""What happens to a record that a consumer group reads: the consume rule, the same over Kafka and over the fake.

Repeats are dropped, the next event is applied, an early one waits beside the place; nothing ever stands still.
A dead letter does not advance the place: what follows of that source waits until it is replayed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.compacted import Late
from chassis.documents import DatabaseUnavailable, Document
from chassis.errors import Transient
from chassis.places import Place, Places, Verdict, overflows
from contracts import Event, Tombstone, event_class
from contracts.envelope import BadEnvelope, Envelope, envelope_of, is_tombstone
from contracts.topics import Topic
from contracts.validation import validate

_log = logging.getLogger(__name__)

Handler = Callable[[Any, Envelope], Awaitable[None]]
Handlers = Mapping[type[Event] | type[Tombstone], Handler]
DELAYS = (1.0, 5.0, 25.0)
"""Seconds between tries of a handler that met something transient; afterwards a dead letter. Below the broker's
patience with a silent consumer (5 minutes)."""
MOST_BURIED = 50
"""Dead letters in a row, without a handler that worked in between, after which a reader stands still: then it is the
reader that is ill, not the records. Those that a gap holds back do not count, for that is one source's trouble."""


@dataclass(frozen=True)
class Record:
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


Bury = Callable[[Record, str, Exception, int], Awaitable[None]]
"""Publishes a dead letter: record, group, reason, tries."""


class Behind(Exception):
    """Too much of this source waits for a missing event already."""


class Forked(Exception):
    """Two events claim one number of one source."""


class KeepsFailing(Transient):
    """A reader has buried so much in a row that it buries no more. What it cannot handle stays in the topic."""


class Reader:
    """One group's reading of one topic."""

    def __init__(
        self,
        topic: Topic,
        group: str,
        handlers: Handlers,
        places: Places,
        bury: Bury,
        *,
        late: Late | None = None,
        delays: Sequence[float] = DELAYS,
    ) -> None:
        self.topic = topic
        self.group = group
        self.handlers = handlers
        self.places = places
        self._bury = bury
        self._late = late
        self._delays = delays
        self._families = {kind.family for kind in handlers if issubclass(kind, Event)}
        self._buried = 0
        self.ill: str | None = None
        """Why the reader stands still. A handler that works again, or a restart, ends it."""

    async def take(self, record: Record) -> None:
        """Work a record off; afterwards its offset may be committed.

        Raises:
            DatabaseUnavailable: nothing was decided; the record must be read again.
            KeepsFailing: the same, because too much in a row was buried.
        """
        try:
            envelope = self._envelope(record)
        except BadEnvelope as error:
            await self._bury_failed(record, error, 1)
            return
        while not await self._placed(record, envelope):
            pass

    def _envelope(self, record: Record) -> Envelope:
        try:
            key = (record.key or b"").decode()
        except UnicodeDecodeError:
            raise BadEnvelope("key", repr(record.key), "UTF-8") from None
        return envelope_of(
            record.headers, topic=self.topic.name, partition=record.partition, offset=record.offset, key=key
        )

    async def _placed(self, record: Record, envelope: Envelope) -> bool:
        """Do what the place says; False where the place has moved meanwhile: look again."""
        place = await self.places.load(envelope)
        if place.forked(envelope):
            _log.error("forked history", extra={"fields": _named(envelope, self.group)})
        verdict = place.verdict(envelope.sequence, self.topic.order)
        if verdict is Verdict.REPEAT:
            if self._late is not None and envelope.sequence < place.last:
                await self._late(envelope)
            if place.next_waiting() is not None:
                await self._work_off_waiting(envelope)
            return True
        if verdict is Verdict.EARLY:
            return await self._hold(place, record, envelope)
        if not await self._applied(place, record, envelope):
            return True
        if not await self.places.advance(place, envelope):
            return False
        if place.waiting:
            await self._work_off_waiting(envelope)
        return True

    async def _hold(self, place: Place, record: Record, envelope: Envelope) -> bool:
        if any(entry["id"] == envelope.id for entry in place.waiting):
            return True
        if overflows(place, len(record.value or b"")):
            await self._bury(record, self.group, Behind(f"waits behind number {place.last + 1}"), 1)
            return True
        if any(entry["seq"] == envelope.sequence for entry in place.waiting):
            await self._bury(record, self.group, Forked(f"number {envelope.sequence} is taken by another event"), 1)
            return True
        return await self.places.hold(place, envelope, _kept(record))

    async def _work_off_waiting(self, envelope: Envelope) -> None:
        """Apply what waited for this event, in order."""
        while (entry := (place := await self.places.load(envelope)).next_waiting()) is not None:
            record = _record_of(entry)
            waited = self._envelope(record)
            if not await self._applied(place, record, waited):
                await self.places.give_up(place, waited)
                return
            await self.places.advance(place, waited)

    async def _applied(self, place: Place, record: Record, envelope: Envelope) -> bool:
        """Let the event take effect; False where it was buried instead."""
        tries = 0
        for delay in (*self._delays, None):
            tries += 1
            try:
                await self._apply(record, envelope)
            except DatabaseUnavailable:
                raise
            except Transient as error:
                if delay is not None:
                    await asyncio.sleep(delay)
                    continue
                failure: Exception = error
            except Exception as error:
                failure = error
            else:
                return True
            break
        await self.places.begin_at(place, envelope)
        await self._bury_failed(record, failure, tries)
        return False

    async def _bury_failed(self, record: Record, failure: Exception, tries: int) -> None:
        if self._buried >= MOST_BURIED:
            kind = type(failure).__name__
            self.ill = f"group {self.group} has buried {self._buried} records in a row and stands still: {kind}"
            raise KeepsFailing(self.ill) from failure
        await self._bury(record, self.group, failure, tries)
        self._buried += 1

    def _worked(self) -> None:
        self._buried, self.ill = 0, None

    async def _apply(self, record: Record, envelope: Envelope) -> None:
        if is_tombstone(envelope.type):
            handler = self.handlers.get(Tombstone)
            if handler is not None:
                await handler(Tombstone(), envelope)
                self._worked()
            return
        kind = event_class(envelope.type)
        if kind is None:
            self._refuse_unknown_version(envelope.type)
            return
        if (handler := self.handlers.get(kind)) is not None:
            await handler(validate(envelope.type, record.value or b""), envelope)
            self._worked()

    def _refuse_unknown_version(self, type_: str) -> None:
        """Step over unknown events, but not over an unknown version of an event that this group acts on."""
        if type_.rpartition(".")[0] in self._families:
            validate(type_, b"")  # raises UnknownVersion


def _kept(record: Record) -> Document:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "value": record.value,
        "headers": [[name, value] for name, value in record.headers],
    }


def _record_of(entry: Mapping[str, Any]) -> Record:
    headers = tuple((name, value) for name, value in entry["headers"])
    return Record(entry["topic"], entry["partition"], entry["offset"], entry["key"], entry["value"], headers)


def _named(envelope: Envelope, group: str) -> dict[str, object]:
    return {"group": group, "topic": envelope.topic, "source": envelope.subject, "sequence": envelope.sequence}
