"""Where a consumer group stands in the events of each source, and what it holds back because something is missing.

A place belongs to (group, topic, source). It is a document of its own, because only that also counts the events that a
reader has no use for; the target of an effect remembers the number too (``Aggregates.absorb``), so that a late repeat
changes nothing there.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from chassis.clock import Clock
from chassis.documents import Document, Documents, Duplicate, Index
from contracts.envelope import Envelope
from contracts.topics import Order

MOST_WAITING = 64
"""Events of one source that wait behind a gap; what comes beyond goes to the dead letters."""
MOST_WAITING_BYTES = 4 * 1024 * 1024
_INDEXES = (Index((("gap_since", 1),), "gaps", sparse=True),)


class Verdict(Enum):
    """What to do with an event, from its number and the place."""

    REPEAT = "repeat"
    NEXT = "next"
    EARLY = "early"


class Place(NamedTuple):
    """How far a group has come with one source. One is made for each event: a tuple takes a fifth of the time."""

    id: str
    last: int
    """Sequence number of the last event that took effect; 0 before the first."""
    event_id: str | None
    """Its id: the same number with another id means that the source's history was forked."""
    waiting: tuple[Mapping[str, Any], ...] = ()
    """Later events, in order of their number."""
    stored: bool = True
    read: tuple[int, int] | None = None
    """Partition and offset of the last event that was read from the topic itself."""
    buried: int = 0
    """Up to this number, what is missing may lie in the dead letters."""

    def verdict(self, sequence: int, order: Order) -> Verdict:
        """Say whether an event with this number is the next one."""
        if sequence <= self.last:
            return Verdict.REPEAT
        if order == "newest" or sequence == self.last + 1:
            return Verdict.NEXT
        return Verdict.EARLY

    def forked(self, envelope: Envelope) -> bool:
        """Whether another event had this number."""
        known = {entry["seq"]: entry["id"] for entry in self.waiting}
        if self.event_id is not None:
            known[self.last] = self.event_id
        known_id: str = known.get(envelope.sequence, envelope.id)
        return known_id != envelope.id

    def after(self, envelope: Envelope) -> "Place":
        """Return the place once the event has taken effect; nothing waits beside it."""
        return Place(self.id, envelope.sequence, envelope.id, read=_position(envelope) or self.read)

    def next_waiting(self) -> Mapping[str, Any] | None:
        """Return what waited and may go now."""
        return next((entry for entry in self.waiting if entry["seq"] == self.last + 1), None)


class Places:
    """The places of one group in one topic."""

    def __init__(self, documents: Documents, group: str, *, forgets: bool, clock: Clock) -> None:
        self._documents = documents
        self._group = group
        self._forgets = forgets
        self._clock = clock

    async def ensure(self) -> None:
        """Create the index that finds gaps."""
        await self._documents.ensure(_INDEXES)

    async def load(self, envelope: Envelope) -> Place:
        """Return the place of the event's source.

        On a topic that forgets, the first number seen starts the count; elsewhere number 1 does.
        """
        id = self.id_of(envelope.subject)
        return self._place(id, await self._documents.get(id), envelope)

    async def load_many(self, first: Sequence[Envelope]) -> list[Place]:
        """Return the places of several sources by one query; of each source the first event is given."""
        ids = [self.id_of(envelope.subject) for envelope in first]
        found = await self._documents.find({"_id": {"$in": ids}}, limit=max(1, len(ids)))
        known = {document["_id"]: document for document in found}
        return [self._place(id, known.get(id), envelope) for id, envelope in zip(ids, first, strict=True)]

    def _place(self, id: str, found: Document | None, first: Envelope) -> Place:
        if found is None:
            return Place(id, first.sequence - 1 if self._forgets else 0, None, stored=False)
        waiting = tuple(sorted(found.get("wait", ()), key=lambda entry: int(entry["seq"])))
        read = tuple(found["read"]) if "read" in found else None
        return Place(id, found["last"], found.get("event"), waiting, read=read, buried=found.get("buried", 0))

    async def advance(self, place: Place, envelope: Envelope) -> bool:
        """Say that the event took effect; False where the place has moved, or holds more than when it was loaded."""
        if not place.stored:
            return await self._start(place.after(envelope), envelope.subject)
        known = {"last": envelope.sequence, "event": envelope.id, **self._read(place.after(envelope))}
        pull = {"wait": {"seq": {"$lte": envelope.sequence}}}
        where: Document = {"_id": place.id, "last": place.last}
        if not place.waiting:
            # Or what another consumer has put there meanwhile would wait for nobody.
            return await self._documents.update({**where, "wait": []}, {"$set": known, "$unset": {"gap_since": 1}})
        # Another consumer may hold more meanwhile: only where nothing waits any more is there no gap.
        alone = {**where, "wait.seq": {"$not": {"$gt": envelope.sequence}}}
        rest = [entry for entry in place.waiting if entry["seq"] > envelope.sequence]
        if not rest and await self._documents.update(alone, {"$set": known, "$pull": pull, "$unset": {"gap_since": 1}}):
            return True
        return await self._documents.update(where, {"$set": {**known, "gap_since": self._clock.now()}, "$pull": pull})

    async def advance_many(self, moves: Sequence[tuple[str, Place, Place]]) -> bool:
        """Say how far several sources have come: each a source, its place as it was loaded and as it is now.

        Nothing may wait beside them. False where any has moved meanwhile, or holds something now: the caller looks at
        all of them again. The others are where they belong.
        """
        new = [self._document(now, source) for source, was, now in moves if not was.stored]
        updates = [
            (
                {"_id": was.id, "last": was.last, "wait": []},
                {"$set": {"last": now.last, "event": now.event_id, **self._read(now)}, "$unset": {"gap_since": 1}},
            )
            for _, was, now in moves
            if was.stored
        ]
        moved = await self._documents.insert_each(new) + await self._documents.update_each(updates)
        return moved == len(moves)

    async def hold(self, place: Place, early: Sequence[tuple[Envelope, Document]]) -> bool:
        """Put early events beside the place; False where the place has moved meanwhile or holds one of them already.

        The caller looks again after a False.
        """
        source = early[0][0].subject
        if not place.stored and not await self._start(place, source):
            return False
        entries = [{"seq": envelope.sequence, "id": envelope.id, **record} for envelope, record in early]
        # Always: whoever has just closed another gap may have taken the mark away.
        change = {"$push": {"wait": {"$each": entries}}, "$min": {"gap_since": self._clock.now()}}
        numbers = [entry["seq"] for entry in entries]
        return await self._documents.update(
            {"_id": place.id, "last": place.last, "wait.seq": {"$nin": numbers}}, change
        )

    async def begin_at(self, place: Place, envelope: Envelope) -> None:
        """Note, before an event is buried, that its number comes next: so what follows it waits on every topic."""
        if not place.stored:
            await self._start(place, envelope.subject)
        await self.keep_for(place, envelope)

    async def keep_for(self, place: Place, envelope: Envelope) -> None:
        """Note, before an event is buried, that its number is not lost."""
        if self._forgets:
            read = self._read(place._replace(read=place.read or _position(envelope)))
            change: dict[str, Document] = {"$max": {"buried": envelope.sequence}}
            await self._documents.update({"_id": place.id}, {**change, "$set": read} if read else change)

    async def note_loss(self, partition: int, begin: int, end: int) -> None:
        """Note, for good, that the records of a partition between two offsets were deleted before they were read."""
        id, found = self.loss_of(self._group, partition), {"begin": begin, "end": end, "lost_at": self._clock.now()}
        try:
            await self._documents.insert({"_id": id, "group": self._group, "partition": partition, **found})
        except Duplicate:
            await self._documents.update({"_id": id, "end": {"$lt": end}}, {"$set": found})

    async def lost(self, place: Place, early: Envelope) -> bool:
        """Whether the event that a source waits for was deleted before it was read: it will never come.

        Not where it may lie in the dead letters.
        """
        if not self._forgets or place.last < place.buried:
            return False
        partition, offset = place.read or (early.partition, -1)
        loss = await self._documents.get(self.loss_of(self._group, partition))
        return loss is not None and offset < int(loss["end"])

    async def step_over(self, place: Place, first: int) -> bool:
        """Let the place stand before the first number that is there; False where it has moved meanwhile."""
        change = {"$set": {"last": first - 1, "event": None}}
        return await self._documents.update({"_id": place.id, "last": place.last}, change)

    async def give_up(self, place: Place, envelope: Envelope) -> None:
        """Take a buried event out of what waits; the place stays behind it."""
        await self._documents.update({"_id": place.id}, {"$pull": {"wait": {"seq": envelope.sequence}}})

    def id_of(self, source: str) -> str:
        """Return the id of a source's place."""
        return f"{self._group}:{hashlib.sha256(source.encode()).hexdigest()[:32]}"

    @staticmethod
    def loss_of(group: str, partition: int) -> str:
        """Return the id of the note on what a group lost in a partition."""
        return f"{group}:lost:{partition}"

    async def _start(self, place: Place, source: str) -> bool:
        try:
            await self._documents.insert(self._document(place, source))
        except Duplicate:
            return False
        return True

    def _document(self, place: Place, source: str) -> Document:
        known = {"last": place.last, "event": place.event_id, **self._read(place)}
        return {"_id": place.id, "group": self._group, "source": source, "wait": [], **known}

    def _read(self, place: Place) -> Document:
        """Return what of the place's position is kept: only topics that forget need it."""
        return {"read": list(place.read)} if self._forgets and place.read else {}


def _position(envelope: Envelope) -> tuple[int, int] | None:
    return (envelope.partition, envelope.offset) if envelope.partition >= 0 else None


def overflows(place: Place, count: int, size: int) -> bool:
    """Whether so many more events, of ``size`` bytes together, must not wait beside the place."""
    held = sum(len(entry["value"] or b"") for entry in place.waiting)
    return len(place.waiting) + count > MOST_WAITING or held + size > MOST_WAITING_BYTES


async def gaps(documents: Documents, before: datetime, limit: int = 20) -> list[Document]:
    """Return places that have missed an event since before a moment: something was lost or buried."""
    where = {"gap_since": {"$gte": datetime(1970, 1, 1, tzinfo=before.tzinfo), "$lte": before}}
    return await documents.find(where, limit=limit, fields=("group", "source", "last", "gap_since"))
