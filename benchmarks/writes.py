"""What the write rule costs: commands beside the raw driver, the outbox beside a plain write and a transaction.

Everything is acknowledged by a majority and the journal; 32 callers at once, each on aggregates of its own.
"""

import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from chassis.aggregates import Aggregates, Done, Key
from chassis.clock import SystemClock
from chassis.ids import uuid7
from chassis.testing.clock import START
from chassis.testing.example import TENANT, Counted, Counter, CounterCodec, count_up, counters, start
from contracts import Event
from frame.figures import Figure, Measured, Pace, in_turn, rate
from frame.ground import ACKNOWLEDGED, Both, database
from frame.results import main

CALLERS: Final = 32
_POOL: Final = 320
"""Aggregates that commands go to in turn, so that none fills its outbox in a run."""
_DRIVERS_COST: Final = (
    "The rest is Python: encoding and checking the event, and two tasks for each command's place in its queue."
)
FIGURES: Final = (
    Figure(
        "P2",
        "accepted creations with an event",
        "/s",
        goal=0.60,
        floor=1.00,
        beside="raw insert of an equal document",
        bound="Creations of one moment are one command to the database, raw inserts one each (docs/decisions/0051). "
        + _DRIVERS_COST,
    ),
    Figure(
        "P2b",
        "accepted commands on existing aggregates",
        "/s",
        goal=0.60,
        floor=0.40,
        beside="raw find and update_one filtered by version",
    ),
    Figure("P3", "write with an event in its outbox", "/s", goal=0.75, floor=0.50, beside="the same without event"),
    Figure(
        "P3b",
        "write with an event in its outbox, one caller",
        "/s",
        goal=1.5,
        floor=1.1,
        beside="raw transaction of document and outbox row",
        bound="One caller: the embedded database lets transactions share a flush of its journal and makes single writes"
        " wait for one each, so with 32 callers this would measure that; MongoDB shares it in both cases.",
    ),
)


def publish_nothing(state: Counter, fact: Counted) -> Sequence[Event]:
    """Keep the fact inside."""
    return ()


class Sides:
    """What is run in turn."""

    def __init__(self, both: Both, pace: Pace) -> None:
        self._both = both
        self._pace = pace
        clock = SystemClock()
        self._ours = counters(both.ours.collection("ours"), clock)
        self._commanded = counters(both.ours.collection("commanded"), clock)
        self._plain: Aggregates[Counter, Counted] = Aggregates(
            both.ours.collection("plain"), CounterCodec(), publish_nothing, service="forms", clock=clock
        )
        self._example: dict[str, Any] = {}
        self._event: dict[str, Any] = {}
        self._ids: list[str] = []
        self._numbers = itertools.count()

    async def prepare(self) -> None:
        """Make the collections with all their indexes, and the documents that the raw driver copies."""
        for aggregates in (self._ours, self._commanded, self._plain):
            await aggregates.ensure()
        for name in ("inserted", "transaction", "updated"):
            await counters(self._both.ours.collection(name), SystemClock()).ensure()
        await self._both.collection("rows").create_index("due")
        self._ids = [(await self._create(self._commanded)).id for _ in range(_POOL)]
        self._example = await self._both.collection("commanded").find_one({"_id": self._ids[0]})
        self._event = self._example["out"][0]
        await self._both.collection("updated").insert_many([{**self._example, "_id": id} for id in self._ids])

    async def _create(self, aggregates: Aggregates[Counter, Counted]) -> Done[Counter]:
        return await aggregates.create(TENANT, Key("account", uuid7(), "d" * 64), lambda id: start())

    async def _rate(self, work: Callable[[], Awaitable[object]]) -> float:
        return await rate(work, seconds=self._pace.seconds, callers=CALLERS)

    async def create(self) -> float:
        """Our creation with an event."""
        return await self._rate(lambda: self._create(self._ours))

    async def create_plain(self) -> float:
        """Our creation without one."""
        return await self._rate(lambda: self._create(self._plain))

    async def insert(self) -> float:
        """The raw insert of what our creation writes."""
        collection = self._both.collection("inserted")
        return await self._rate(lambda: collection.insert_one({**self._example, "_id": uuid7()}))

    async def create_alone(self) -> float:
        """Our creation with an event, by one caller."""
        return await rate(lambda: self._create(self._ours), seconds=self._pace.seconds, callers=1)

    async def in_transaction(self) -> float:
        """Document and outbox row in two collections, by one transaction of the raw driver; one caller."""
        documents, rows = self._both.collection("transaction"), self._both.collection("rows")
        plain = {name: value for name, value in self._example.items() if name not in ("out", "due")}

        async def write() -> None:
            async with (
                await self._both.raw.client.start_session() as session,
                session.start_transaction(write_concern=ACKNOWLEDGED),
            ):
                await documents.insert_one({**plain, "_id": uuid7()}, session=session)
                await rows.insert_one({**self._event, "_id": uuid7(), "due": START}, session=session)

        return await rate(write, seconds=self._pace.seconds, callers=1)

    async def command(self) -> float:
        """Our command on an aggregate that exists."""
        await self._empty("commanded")

        async def write() -> None:
            id = self._ids[next(self._numbers) % _POOL]
            await self._commanded.command(TENANT, id, Key("account", uuid7(), "d" * 64), count_up)

        return await self._rate(write)

    async def update(self) -> float:
        """The raw find, and the update that our command sends."""
        await self._empty("updated")
        collection = self._both.collection("updated")
        key = {"account": "account", "key": uuid7(), "digest": "d" * 64, "answer": {}}

        async def write() -> None:
            id = self._ids[next(self._numbers) % _POOL]
            found = await collection.find_one({"_id": id})
            change = {
                "$inc": {"v": 1},
                "$set": {
                    "count": found["count"] + 1,
                    "seq.forms_applications": found["seq"]["forms_applications"] + 1,
                    "due": START,
                },
                "$push": {"out": {"$each": [self._event]}, "cmds": {"$each": [key], "$slice": -32}},
            }
            await collection.update_one({"_id": id, "v": found["v"]}, change)

        return await self._rate(write)

    async def _empty(self, name: str) -> None:
        await self._both.collection(name).update_many({}, {"$set": {"out": []}, "$unset": {"due": 1}})


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    async with database() as both:
        sides = Sides(both, pace)
        await sides.prepare()
        created, inserted, plain = await in_turn(pace.runs, sides.create, sides.insert, sides.create_plain)
        alone, transaction = await in_turn(pace.runs, sides.create_alone, sides.in_transaction)
        commanded, updated = await in_turn(pace.runs, sides.command, sides.update)
    return [
        Measured(FIGURES[0], created, inserted),
        Measured(FIGURES[1], commanded, updated),
        Measured(FIGURES[2], created, plain),
        Measured(FIGURES[3], alone, transaction),
    ]


if __name__ == "__main__":
    main(__file__, measure)
