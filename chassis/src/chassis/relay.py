"""The relay: publishes the events that wait in documents, in order per document and topic, at least once.

It never writes an aggregate's state and never touches its version, so it is never in a command's way. What it marks,
it marks by event id, so that a command or another relay in between loses nothing (``docs/decisions/0062``).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

from opentelemetry.trace import SpanKind

from chassis.clock import Clock
from chassis.documents import Database, DatabaseUnavailable, Document, Documents
from chassis.errors import Transient, told
from chassis.leases import HELD_FOR, Leases, wait
from chassis.outbox import AT_ONCE
from chassis.tracing import current_traceparent, span
from contracts.envelope import Envelope, headers_of, tombstone_type
from contracts.topics import TOPICS

_log = logging.getLogger(__name__)

MOST_AT_ONCE = 500
MOST_OF_ONE = 64
"""Events of one document in a round: what marking costs grows with those that go times those that wait, and where it
took longer than a write may, nothing was marked and all went again, for ever (``docs/decisions/0070``)."""
POLL = 0.1
"""Seconds between two looks where nobody kicks: the delay of what another process has written."""
SEND_TIMEOUT = 10.0
"""Seconds until what nobody acknowledged counts as not published."""
LONGEST_BACK_OFF = 60.0
KEPT_BYTES = 64 * 1024
KEPT_EVENTS = 32
_FIELDS = ("tenant", "out")
_PUBLIC = [name for name, topic in TOPICS.items() if topic.data == "public"]
"""Topics of whose published events a document remembers the body too: a code or an address must not outlive its
purpose, and what a newer release has written may be one."""

Headers = list[tuple[str, bytes]]
_Lane = tuple[Document, list[Document]]
"""A document and those of its pending events that go to one topic."""


class NotPublished(Transient):
    """The broker did not acknowledge the record."""


class Publisher(Protocol):
    """A producer that can be thrown away with all that is still in its buffer."""

    async def send(self, topic: str, key: str, value: bytes | None, headers: Headers) -> Awaitable[object]:
        """Put a record into the buffer; what is returned ends when the brokers have acknowledged it.

        Both may take for ever: whoever sends gives up after ``SEND_TIMEOUT``, and throws the publisher away.
        """

    async def close(self) -> None:
        """Throw the producer away without sending its buffer."""


class Relay:
    """Publishes for some collections until it is cancelled."""

    def __init__(
        self,
        database: Database,
        collections: Sequence[Documents],
        open_publisher: Callable[[], Awaitable[Publisher]],
        *,
        me: str,
        clock: Clock,
        poll: float = POLL,
    ) -> None:
        self._collections = collections
        self._open_publisher = open_publisher
        self._publisher: Publisher | None = None
        self._leases = Leases(database.collection("leases"), me, clock)
        self._shards: list[int] = []
        self._renewed = float("-inf")
        self._clock = clock
        self._poll = poll
        self._kicked = asyncio.Event()
        self._tries: dict[str, int] = {}
        self._at_once = MOST_AT_ONCE
        self._seen_alive = time.monotonic()

    def kick(self) -> None:
        """Say that something new may be waiting."""
        self._kicked.set()

    async def check(self) -> str | None:
        """Return why the relay is not well: for readiness."""
        silent = time.monotonic() - self._seen_alive
        return f"no round for {silent:.0f} s" if silent > 10 else None

    async def run(self) -> None:
        """Publish until cancelled; then give the shards back."""
        try:
            while True:
                self._kicked.clear()
                if not await self._round_that_may_fail():
                    await wait(self._kicked, self._poll)
        finally:
            await self._drop_publisher()  # with its buffer, before somebody else may publish these shards
            with contextlib.suppress(Transient):
                await asyncio.shield(self._leases.give_back())

    async def _round_that_may_fail(self) -> bool:
        try:
            more = await self.round()
        except Transient as error:
            _log.warning("relay round failed", extra={"fields": {"reason": str(error)}})
            await asyncio.sleep(error.retry_after)
            return False
        except Exception:
            _log.exception("relay round failed")
            await asyncio.sleep(1)
            return False
        self._seen_alive = time.monotonic()
        return more

    async def round(self) -> bool:
        """Publish once what is due in the shards held; whether there may be more."""
        more = False
        for documents in self._collections:
            await self._keep_leases()
            limit = self._at_once
            due = await self._due(documents, limit)
            if due:
                await self._publish_all(documents, due)
            more = more or len(due) == limit or any(len(document["out"]) > MOST_OF_ONE for document in due)
        return more

    async def _due(self, documents: Documents, limit: int) -> list[Document]:
        where = {"due": {"$gte": AT_ONCE, "$lte": self._clock.now()}, "shard": {"$in": self._shards}}
        try:
            due = await documents.find(where, limit=limit, fields=_FIELDS)
        except DatabaseUnavailable:
            # What waited through an outage may be more than the database hands out in time.
            self._at_once = max(1, limit // 2)
            raise
        self._at_once = min(MOST_AT_ONCE, limit + max(1, limit // 10))
        return due

    async def _keep_leases(self) -> None:
        if self._leases.expired():
            await self._drop_publisher()
        if time.monotonic() - self._renewed > HELD_FOR.total_seconds() / 3:
            shards = await self._leases.renew()
            if shards != self._shards:
                self._tries.clear()  # or it would grow with what others publish now
            self._shards = shards
            self._renewed = time.monotonic()

    async def _publish_all(self, documents: Documents, due: list[Document]) -> None:
        """Send in waves: of each document and topic one event is under way at a time, so none overtakes another."""
        lanes = [lane for document in due for lane in _lanes(document)]
        acknowledged: dict[str, list[Document]] = {document["_id"]: [] for document in due}
        failed: dict[str, Document] = {}
        publisher = await self._publisher_now() if lanes else None
        while publisher is not None and lanes:
            if self._leases.expired():
                await self._drop_publisher()
                break
            self._seen_alive = time.monotonic()
            sent = await self._wave(publisher, lanes)
            on = []
            for (document, lane), good in zip(lanes, sent, strict=True):
                if good:
                    acknowledged[document["_id"]].append(lane.pop(0))
                    if lane:
                        on.append((document, lane))
                else:
                    failed[document["_id"]] = lane[0]
            lanes = on
        if failed:
            await self._drop_publisher()
        await self._mark(documents, due, acknowledged)
        await self._back_off(documents, failed)

    async def _wave(self, publisher: Publisher, lanes: Sequence[_Lane]) -> list[bool]:
        """Send the next event of each lane; of each, whether it was acknowledged in time."""
        sending = [asyncio.create_task(self._send(publisher, document, lane[0])) for document, lane in lanes]
        try:
            _, late = await asyncio.wait(sending, timeout=SEND_TIMEOUT)
        finally:
            for one in sending:
                one.cancel()
        if late:
            _log.warning("events not acknowledged", extra={"fields": {"events": len(late), "seconds": SEND_TIMEOUT}})
            await asyncio.wait(late)
        return [one not in late and one.result() for one in sending]

    async def _send(self, publisher: Publisher, document: Document, entry: Document) -> bool:
        topic, id = entry["topic"], document["_id"]
        with span(f"{topic} publish", parent=entry["trace"], kind=SpanKind.PRODUCER):
            envelope = Envelope(
                id=entry["id"],
                type=entry["type"] or tombstone_type(topic),
                tenant=document["tenant"],
                subject=id,
                sequence=entry["seq"],
                time=entry["at"],
                traceparent=current_traceparent(),
            )
            try:
                await (await publisher.send(topic, id, entry["body"], headers_of(envelope)))
            except Exception as error:
                _log.warning(
                    "event not published",
                    extra={"fields": {"topic": topic, "event": entry["id"], "reason": told(error)}},
                )
                return False
        return True

    async def _publisher_now(self) -> Publisher:
        if self._publisher is None:
            self._publisher = await self._open_publisher()
        return self._publisher

    async def _drop_publisher(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            await publisher.close()

    async def _mark(self, documents: Documents, due: list[Document], acknowledged: dict[str, list[Document]]) -> None:
        """Take the acknowledged events out, and ``due`` where nothing is left; all of it can be done twice."""
        groups: dict[int, dict[str, list[str]]] = {}
        for document in due:
            entries = acknowledged[document["_id"]]
            if entries:
                self._tries.pop(document["_id"], None)
            if entries or not document["out"]:
                group = groups.setdefault(_remembered(entries), {})
                group[document["_id"]] = [entry["id"] for entry in entries]
        for keep, group in groups.items():
            await documents.take_out(group, keep=keep, whole=_PUBLIC)

    async def _back_off(self, documents: Documents, failed: dict[str, Document]) -> None:
        delays = []
        for id, entry in failed.items():
            self._tries[id] = tries = self._tries.get(id, 0) + 1
            until = self._clock.now() + timedelta(seconds=min(LONGEST_BACK_OFF, 0.25 * 2 ** min(tries, 10)))
            delays.append(({"_id": id, "out.id": entry["id"]}, {"$set": {"due": until}}))
        await documents.update_each(delays)


def _remembered(entries: list[Document]) -> int:
    """Return how many events a document remembers, these included."""
    largest = max((len(entry["body"] or b"") for entry in entries), default=0)
    return max(1, min(KEPT_EVENTS, KEPT_BYTES // max(largest, 1)))


def _lanes(document: Document) -> list[_Lane]:
    """Return the first pending events per topic, in order; one empty document gives none and is only marked."""
    topics: dict[str, list[Document]] = {}
    for entry in document["out"][:MOST_OF_ONE]:
        topics.setdefault(entry["topic"], []).append(entry)
    return [(document, entries) for entries in topics.values()]
