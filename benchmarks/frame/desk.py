"""One process of the appointments service's writing half, for measurements: ``python -m frame.desk URL NAME``.

It plays the roles api and relay with the real store and the real relay; only Kafka is left out, which would be
measured elsewhere. Lines on standard input are rushes, each is answered by a line with what became of it.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, time
from typing import Any, Final

from pydantic import SecretStr

from appointments.calendars.domain import Office, Slot, slots
from appointments.calendars.store import Calendars
from chassis.aggregates import Key
from chassis.clock import SystemClock
from chassis.documents import Change, Database, Documents, Where
from chassis.ids import uuid7
from chassis.relay import Headers, Relay
from chassis.testing.example import TENANT

PLACES_EACH: Final = 10
OFFICE: Final = Office(
    slug="bench",
    name="Amt",
    place="Saal",
    hours={day: ((time(8), time(18)),) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
    slot_minutes=15,
    capacity=PLACES_EACH,
    open_days_ahead=400,
)


@dataclass(frozen=True)
class Rush:
    """So many citizens, each of whom wants one time of a day: his own, or all the same one that has one place left."""

    day: str
    first: int
    """Number of the first citizen: he and all after him want times of their own."""
    citizens: int
    callers: int
    """How many ask at once."""
    same: bool = False


@dataclass
class Outcome:
    """What became of a rush."""

    accepted: int = 0
    seconds: list[float] = field(default_factory=list)
    """How long each accepted one waited for his answer."""
    refused_after: list[float] = field(default_factory=list)
    """How long each refused one did."""
    refused: dict[str, int] = field(default_factory=dict)
    writes: int = 0
    conflicts: int = 0


class CountedDocuments(Documents):
    """Counts writes, and those that met a newer version."""

    def __init__(self, collection: Any) -> None:
        super().__init__(collection)
        self.writes = 0
        self.conflicts = 0

    async def update(self, where: Where, change: Change) -> bool:
        """Change one document."""
        matched = await super().update(where, change)
        if "v" in where:
            self.writes += matched
            self.conflicts += not matched
        return matched


class CountedDatabase(Database):
    """A database whose collection of days counts."""

    days: CountedDocuments

    def collection(self, name: str) -> Documents:
        """Return a collection."""
        found = super().collection(name)
        if name != "days":
            return found
        self.days = CountedDocuments(found._collection)
        return self.days


class Taken:
    """Stands for Kafka: acknowledges at once."""

    async def send(self, topic: str, key: str, value: bytes | None, headers: Headers) -> Awaitable[object]:
        """Take a record."""
        return asyncio.sleep(0)

    async def close(self) -> None:
        """Nothing to throw away."""


class Desk:
    """The process."""

    def __init__(self, database: CountedDatabase, me: str) -> None:
        clock = SystemClock()
        self.database = database
        self.calendars = Calendars(database, clock, lambda: self.relay.kick())

        async def publisher() -> Taken:
            return Taken()

        self.relay = Relay(database, [self.calendars.aggregates.documents], publisher, me=me, clock=clock)

    async def take(self, rush: Rush) -> Outcome:
        """Let all citizens of a rush ask."""
        days = self.database.days
        days.writes = days.conflicts = 0
        on, outcome, refused = date.fromisoformat(rush.day), Outcome(), Counter[str]()
        office = replace(OFFICE, capacity=1) if rush.same else OFFICE
        times = slots(office, on, frozenset())[: 1 if rush.same else None]
        left = iter(range(rush.first, rush.first + rush.citizens))

        async def ask() -> None:
            for number in left:
                began = asyncio.get_running_loop().time()
                try:
                    await self._reserve(office, on, number, times[number % len(times)])
                except Exception as error:
                    refused[type(error).__name__] += 1
                    outcome.refused_after.append(asyncio.get_running_loop().time() - began)
                else:
                    outcome.accepted += 1
                    outcome.seconds.append(asyncio.get_running_loop().time() - began)

        await asyncio.gather(*(ask() for _ in range(rush.callers)))
        outcome.refused, outcome.writes, outcome.conflicts = dict(refused), days.writes, days.conflicts
        return outcome

    async def _reserve(self, office: Office, on: date, number: int, slot: Slot) -> None:
        key = Key(f"citizen-{number}", uuid7(), "d" * 64)
        await self.calendars.reserve(TENANT, office, on, slot, frozenset(), key)


async def main(url: str, me: str) -> None:
    """Take rushes until the input ends."""
    desk = Desk(await CountedDatabase.connect(SecretStr(url), "bench"), me)
    await desk.calendars.ensure()
    relay = asyncio.create_task(desk.relay.run())
    loop = asyncio.get_running_loop()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        outcome = await desk.take(Rush(**json.loads(line)))
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
        sys.stdout.flush()
    relay.cancel()
    await asyncio.wait([relay])
    await desk.database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
