"""Two consumers of one group at the same place at the same moment, and what a death between two steps leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from chassis.broker import Bus, NotAConsumer
from chassis.documents import DatabaseUnavailable
from chassis.places import gaps
from chassis.reader import Reader
from chassis.settings import ServiceSettings
from chassis.testing import START, FixedClock, MemoryBus, MemoryDatabase
from chassis.testing.example import TENANT
from contracts.envelope import Envelope
from contracts.identity import AccountLinked

ACCOUNTS = "identity.accounts"


class Group:
    """Two consumers of one group; notes what took effect, and lets the test step in."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.database = MemoryDatabase()
        self.rows = self.database.collection("places")
        self.bus = MemoryBus("osi-gateway", self.database, self.clock)
        self.one: Reader = self.bus.add(ACCOUNTS, {AccountLinked: self.note})
        self.other: Reader = self.bus.add(ACCOUNTS, {AccountLinked: self.note})
        self.effects: list[int] = []
        self.before: dict[int, list[Callable[[], Awaitable[None]]]] = {}

    async def note(self, event: Any, envelope: Envelope) -> None:
        if steps := self.before.get(envelope.sequence):
            await steps.pop()()
        self.effects.append(envelope.sequence)

    async def take(self, reader: Reader, *numbers: int) -> None:
        for number in numbers:
            event = AccountLinked(occurred_at=START, account_id="s", level="hoch")
            await reader.take(self.bus.broker.put(event, tenant=TENANT, subject="s", sequence=number))

    async def place(self) -> dict[str, Any]:
        (found,) = await self.rows.find({"source": "s"})
        return found

    def before_holding(self, *numbers: int) -> None:
        """Let the other consumer take events between the first one's look at the place and its holding."""
        hold = self.one.places.hold

        async def overtaken(*arguments: Any) -> bool:
            self.one.places.hold = hold  # type: ignore[method-assign]
            await self.take(self.other, *numbers)
            return await hold(*arguments)

        self.one.places.hold = overtaken  # type: ignore[method-assign,assignment]


@pytest.fixture
def group() -> Group:
    return Group()


async def test_what_is_early_no_more_is_not_held(group: Group) -> None:
    await group.take(group.one, 1)
    group.before_holding(2)
    await group.take(group.one, 3)
    assert (group.effects, (await group.place())["wait"]) == ([1, 2, 3], [])


async def test_what_two_hold_is_held_once(group: Group) -> None:
    await group.take(group.one, 1)
    group.before_holding(3)
    await group.take(group.one, 3)
    assert [entry["seq"] for entry in (await group.place())["wait"]] == [3]


async def test_a_slow_consumer_does_not_set_the_place_back(group: Group) -> None:
    await group.take(group.one, 1)
    group.before[2] = [lambda: group.take(group.other, 2, 3)]
    await group.take(group.one, 2)
    await group.take(group.one, 4)
    assert (group.effects[-1], (await group.place())["last"]) == (4, 4)


async def test_what_waits_is_worked_off_after_a_death_in_between(group: Group) -> None:
    async def die() -> None:
        raise DatabaseUnavailable("away")

    await group.take(group.one, 1, 3)
    group.before[3] = [die]
    with pytest.raises(DatabaseUnavailable):
        await group.take(group.one, 2)
    await group.take(group.other, 2)
    assert group.effects == [1, 2, 3]


async def test_a_new_gap_is_as_old_as_itself(group: Group) -> None:
    await group.take(group.one, 1, 3, 5)
    group.clock.advance(60)
    assert len(await gaps(group.rows, group.clock.now() - timedelta(seconds=10))) == 1
    await group.take(group.one, 2)
    assert await gaps(group.rows, group.clock.now() - timedelta(seconds=10)) == []
    assert len(await gaps(group.rows, group.clock.now())) == 1


async def test_a_gap_that_another_opens_while_one_is_closed_stays_one(group: Group) -> None:
    await group.take(group.one, 1, 3)
    group.before[3] = [lambda: group.take(group.other, 6)]
    await group.take(group.one, 2)
    place = await group.place()
    assert (group.effects, place["last"], [entry["seq"] for entry in place["wait"]]) == ([1, 2, 3], 3, [6])
    assert len(await gaps(group.rows, group.clock.now())) == 1
    await group.take(group.one, 4, 5)
    assert (group.effects, await gaps(group.rows, group.clock.now())) == ([1, 2, 3, 4, 5, 6], [])


async def test_a_gap_alarms_and_a_silent_database_does_not_end_the_watch(
    group: Group, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("chassis.broker._LOOK_FOR_GAPS", 0.01)
    failures: list[Exception] = [RuntimeError("bug"), DatabaseUnavailable("away")]

    async def look(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return await gaps(*arguments)

    monkeypatch.setattr("chassis.broker.gaps", look)
    await group.take(group.one, 1, 3)
    group.clock.advance(11)
    bus = Bus(ServiceSettings(), "osi-gateway", group.database, group.clock)
    watch = asyncio.create_task(bus._watch_gaps())
    async with asyncio.timeout(5):
        while "gap in a source's events" not in caplog.text:
            await asyncio.sleep(0.01)
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


def test_only_who_stands_in_the_table_may_read() -> None:
    database, clock = MemoryDatabase(), FixedClock()
    for bus in (MemoryBus("forms", database, clock), Bus(ServiceSettings(), "forms", database, clock)):
        with pytest.raises(NotAConsumer):
            bus.add("identity.contacts", {})
