"""What happens to a record that a consumer group reads: the consume rule, the same over Kafka and over the fake.

Repeats are dropped, the next event is applied, an early one waits beside the place; nothing ever stands still.
A dead letter does not advance the place: what follows of that source waits until it is replayed.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from chassis import tracing
from chassis.compacted import Late
from chassis.documents import DatabaseUnavailable
from chassis.errors import Transient
from chassis.places import Place, Places, Verdict, overflows
from chassis.records import Record, kept, record_of
from contracts import Event, Tombstone
from contracts.envelope import BadEnvelope, Envelope, envelope_of
from contracts.lifting import lifted, understood
from contracts.topics import Topic
from contracts.validation import validate

_log = logging.getLogger(__name__)

Handler = Callable[[Any, Envelope], Awaitable[None]]
Handlers = Mapping[type[Event] | type[Tombstone], Handler]
DELAYS = (1.0, 5.0, 25.0)
"""Seconds between tries of a handler that met something transient; afterwards a dead letter. Below the broker's
patience with a silent consumer (5 minutes)."""
PATIENCE = 60.0
"""Seconds after which a batch is cut short: well below the broker's patience too."""
AT_THE_SAME_TIME = 16
"""Sources of one batch whose events take effect at the same time."""
TRACED_ALONE = 32
"""Records in a batch up to which each event gets a span; a larger batch gets one, with links to the events."""
MOST_BURIED = 50
"""Dead letters in a row, without a handler that worked in between, after which a reader stands still: then it is the
reader that is ill, not the records. Those that a gap holds back do not count, for that is one source's trouble."""


@dataclass(frozen=True)
class Rest:
    """What of a batch was not worked off: it must be read again."""

    records: tuple[Record, ...] = ()
    reason: Exception | None = None
    """None where only time was short."""


@dataclass
class _Run:
    """The events of one source in a batch."""

    events: list[tuple[Record, Envelope]]
    loaded: Place
    place: Place
    done: int = 0
    worked: bool = False
    failed: "_Failure | None" = None
    """Why the event after those done must be buried."""
    error: Exception | None = None
    """Why this source cannot go on now."""


@dataclass(frozen=True)
class _Failure:
    reason: Exception
    tries: int


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
            await self._bury_failed(record, _Failure(error, 1))
            return
        await self._take(record, envelope)

    async def take_many(self, records: Sequence[Record]) -> Rest:
        """Work records off as if one after the other, but load and move the places of all their sources at once.

        The events of a source take effect in their order, those of several sources at the same time. Where a place asks
        for more than the next event (a gap, a dead letter, another consumer), that source goes on record by record.
        """
        until = time.monotonic() + PATIENCE
        sources: dict[str, list[tuple[Record, Envelope]]] = {}
        bad: list[tuple[Record, _Failure]] = []
        for record in records:
            try:
                envelope = self._envelope(record)
            except BadEnvelope as error:
                bad.append((record, _Failure(error, 1)))
            else:
                sources.setdefault(envelope.subject, []).append((record, envelope))
        alone = len(records) <= TRACED_ALONE
        with tracing.together(f"{self.topic.name} process", _traces(sources), alone=alone):
            try:
                runs = await self._apply_next(sources, until, alone)
                await self._move_places(runs)
            except Exception as error:
                return Rest(tuple(records), error)
            return await self._finish(bad, runs, until)

    async def _apply_next(
        self, sources: Mapping[str, list[tuple[Record, Envelope]]], until: float, alone: bool
    ) -> list[_Run]:
        """Apply, of each source, the events that are next and the repeats between them."""
        if not sources:
            return []
        places = await self.places.load_many([events[0][1] for events in sources.values()])
        runs = [_Run(events, place, place) for events, place in zip(sources.values(), places, strict=True)]
        shared = iter(runs)
        await asyncio.gather(*(self._work(shared, until, alone) for _ in range(min(AT_THE_SAME_TIME, len(runs)))))
        return runs

    async def _work(self, shared: Iterator[_Run], until: float, alone: bool) -> None:
        for run in shared:
            try:
                await self._run(run, until, alone)
            except Exception as error:
                run.error = error

    async def _run(self, run: _Run, until: float, alone: bool) -> None:
        if run.place.waiting:
            return
        for record, envelope in run.events:
            verdict = run.place.verdict(envelope.sequence, self.topic.order)
            if verdict is Verdict.EARLY or time.monotonic() > until:
                return
            if verdict is Verdict.REPEAT:
                await self._repeated(run.place, envelope)
            else:
                worked, run.failed = await self._tried(record, envelope, alone)
                run.worked = run.worked or worked
                if run.failed is not None:
                    return
                run.place = run.place.after(envelope)
            run.done += 1

    async def _move_places(self, runs: Sequence[_Run]) -> None:
        moves = [(run.events[0][1].subject, run.loaded, run.place) for run in runs if run.place is not run.loaded]
        if not await self.places.advance_many(moves):
            # Another consumer reads one of these sources too: look at all of them again, record by record.
            for run in runs:
                run.done, run.failed = 0, None

    async def _finish(self, bad: list[tuple[Record, _Failure]], runs: Sequence[_Run], until: float) -> Rest:
        """Bury what failed, and go on record by record with what is behind it or was not next."""
        reason = next((run.error for run in runs if run.error is not None), None)
        if any(run.worked for run in runs):
            self._worked()
        try:
            while bad:
                await self._bury_failed(*bad[0])
                del bad[0]
            for run in runs:
                if run.worked:
                    self._worked()  # again: what was buried so far lay before this
                if run.error is None:
                    await self._finish_run(run, until)
        except Exception as error:
            reason = error
        left = chain((record for record, _ in bad), (record for run in runs for record, _ in run.events[run.done :]))
        return Rest(tuple(left), reason)

    async def _finish_run(self, run: _Run, until: float) -> None:
        if run.failed is not None:
            await self._put_aside(run.place, *run.events[run.done], run.failed)
            run.place, run.done = run.place._replace(stored=True), run.done + 1
        if await self._held_together(run.place, run.events[run.done :]):
            run.done = len(run.events)
        for record, envelope in run.events[run.done :]:
            if time.monotonic() > until:
                return
            await self._take(record, envelope)
            run.done += 1

    async def _held_together(self, place: Place, events: Sequence[tuple[Record, Envelope]]) -> bool:
        """Put all these beside the place by one write, if they are early, new and not too many."""
        if not events:
            return True
        if await self.places.lost(place, events[0][1]):
            return False
        taken = {entry["seq"] for entry in place.waiting}
        for _, envelope in events:
            if place.verdict(envelope.sequence, self.topic.order) is not Verdict.EARLY or envelope.sequence in taken:
                return False
            taken.add(envelope.sequence)
        if overflows(place, len(events), sum(len(record.value or b"") for record, _ in events)):
            return False
        return await self.places.hold(place, [(envelope, kept(record)) for record, envelope in events])

    async def _take(self, record: Record, envelope: Envelope) -> None:
        while not await self._placed(record, envelope):
            pass

    def _envelope(self, record: Record) -> Envelope:
        try:
            key = (record.key or b"").decode()
        except UnicodeDecodeError:
            raise BadEnvelope("key", repr(record.key), "UTF-8") from None
        # A replay lies elsewhere than its event does: what it says of the event's own place is nothing.
        partition, offset = (record.partition, record.offset) if record.topic == self.topic.name else (-1, -1)
        return envelope_of(record.headers, topic=self.topic.name, partition=partition, offset=offset, key=key)

    async def _placed(self, record: Record, envelope: Envelope) -> bool:
        """Do what the place says; False where the place has moved meanwhile: look again."""
        place = await self.places.load(envelope)
        verdict = place.verdict(envelope.sequence, self.topic.order)
        if verdict is Verdict.REPEAT:
            await self._repeated(place, envelope)
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

    async def _repeated(self, place: Place, envelope: Envelope) -> None:
        self._tell_fork(place, envelope)
        if self._late is not None and envelope.sequence < place.last:
            await self._late(envelope)

    def _tell_fork(self, place: Place, envelope: Envelope) -> None:
        if place.forked(envelope):
            _log.error("forked history", extra={"fields": _named(envelope, self.group)})

    async def _hold(self, place: Place, record: Record, envelope: Envelope) -> bool:
        self._tell_fork(place, envelope)
        if await self._stepped_over(place, envelope):
            await self._work_off_waiting(envelope)
            return False
        if any(entry["id"] == envelope.id for entry in place.waiting):
            return True
        if overflows(place, 1, len(record.value or b"")):
            await self.places.keep_for(place, envelope)
            await self._bury(record, self.group, Behind(f"waits behind number {place.last + 1}"), 1)
            return True
        if any(entry["seq"] == envelope.sequence for entry in place.waiting):
            await self._bury(record, self.group, Forked(f"number {envelope.sequence} is taken by another event"), 1)
            return True
        return await self.places.hold(place, [(envelope, kept(record))])

    async def _stepped_over(self, place: Place, envelope: Envelope) -> bool:
        """Go on behind events that their topic deleted before they were read; False where none was."""
        if not await self.places.lost(place, envelope):
            return False
        there = [envelope.sequence, *(entry["seq"] for entry in place.waiting)]
        first = min(number for number in there if number > place.last)
        if await self.places.step_over(place, first):
            fields = {**_named(envelope, self.group), "sequence": place.last + 1, "until": first - 1}
            _log.error("events were deleted unread", extra={"fields": fields})
        return True

    async def _work_off_waiting(self, envelope: Envelope) -> None:
        """Apply what waited for this event, in order."""
        while (place := await self.places.load(envelope)).waiting:
            entry = place.next_waiting()
            if entry is None:
                if await self._stepped_over(place, envelope):
                    continue
                return
            record = record_of(entry)
            waited = self._envelope(record)
            if not await self._applied(place, record, waited):
                await self.places.give_up(place, waited)
                return
            await self.places.advance(place, waited)

    async def _applied(self, place: Place, record: Record, envelope: Envelope) -> bool:
        """Let the event take effect; False where it was buried instead."""
        worked, failed = await self._tried(record, envelope, alone=True)
        if failed is not None:
            await self._put_aside(place, record, envelope, failed)
        elif worked:
            self._worked()
        return failed is None

    async def _tried(self, record: Record, envelope: Envelope, alone: bool) -> tuple[bool, _Failure | None]:
        """Try to let the event take effect; whether a handler did, and why none could.

        Raises:
            DatabaseUnavailable: nobody knows whether it did.
        """
        for tries, delay in enumerate((*self._delays, None), 1):
            try:
                return await self._apply(record, envelope, alone), None
            except DatabaseUnavailable:
                raise
            except Transient as error:
                if delay is None:
                    return False, _Failure(error, tries)
                await asyncio.sleep(delay)
            except Exception as error:
                return False, _Failure(error, tries)
        raise AssertionError("the last try has no delay")

    async def _put_aside(self, place: Place, record: Record, envelope: Envelope, failed: _Failure) -> None:
        self._stop_if_ill(failed)  # before anything says that the record may lie in the dead letters
        await self.places.begin_at(place, envelope)
        await self._bury_failed(record, failed)

    def _stop_if_ill(self, failed: _Failure) -> None:
        if self._buried >= MOST_BURIED:
            kind = type(failed.reason).__name__
            self.ill = f"group {self.group} has buried {self._buried} records in a row and stands still: {kind}"
            raise KeepsFailing(self.ill) from failed.reason

    async def _bury_failed(self, record: Record, failed: _Failure) -> None:
        self._stop_if_ill(failed)
        await self._bury(record, self.group, failed.reason, failed.tries)
        self._buried += 1

    def _worked(self) -> None:
        self._buried, self.ill = 0, None

    async def _apply(self, record: Record, envelope: Envelope, alone: bool) -> bool:
        """Let the event take effect; whether there was a handler for it."""
        wanted = understood(envelope.type, self.handlers)
        if wanted is None:
            return False
        with tracing.followed(f"{envelope.topic} process", envelope.traceparent, alone=alone):
            event: Any = Tombstone()
            if issubclass(wanted, Event):
                event = lifted(validate(envelope.type, record.value or b""), wanted)
            await self.handlers[wanted](event, envelope)
        return True


def _traces(sources: Mapping[str, list[tuple[Record, Envelope]]]) -> Iterator[str]:
    return (envelope.traceparent for events in sources.values() for _, envelope in events if envelope.traceparent)


def _named(envelope: Envelope, group: str) -> dict[str, object]:
    return {"group": group, "topic": envelope.topic, "source": envelope.subject, "sequence": envelope.sequence}
