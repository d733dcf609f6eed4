"""One machine's clock is an hour off: what runs there writes, publishes, fires and claims by the database's time."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import chassis.clock
from chassis.aggregates import Key, Loaded
from chassis.clock import SystemClock, TooSlow
from chassis.documents import Database
from chassis.health import clock_check
from chassis.inbox import CLAIMED_FOR, Inbox, NotSent
from chassis.leases import HELD_FOR, Leases
from chassis.outbox import SHARDS
from chassis.process import Context, Parts, Service
from chassis.rebuilding import rebuild
from chassis.relay import LONGEST_BACK_OFF, Relay
from chassis.settings import ServiceSettings
from chassis.testing import MemoryBroker, MemoryDatabase, MemoryPublisher
from chassis.testing.example import TENANT, Counter, counters, start
from chassis.timers import Timer

pytestmark = pytest.mark.proves("F71")
NEAR = timedelta(seconds=2)
HOUR = timedelta(hours=1)


def set_machine(patch: pytest.MonkeyPatch, off: timedelta) -> None:
    class Wrong(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + off

    patch.setattr(chassis.clock, "datetime", Wrong)


def near(moment: datetime, expected: datetime) -> bool:
    return abs(moment - expected) < NEAR


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
async def clock(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, database: MemoryDatabase
) -> SystemClock:
    set_machine(monkeypatch, request.param)
    clock = SystemClock()
    await clock.begin(database.now)
    return clock


async def test_it_goes_by_the_databases_time_and_says_that_it_is_not_ready(clock: SystemClock) -> None:
    assert near(clock.now(), datetime.now(UTC))
    reason = await clock_check(clock)()
    assert reason is not None
    assert "3600" in reason or "3599" in reason


async def test_what_it_writes_is_published_by_others_and_it_publishes_what_others_wrote(
    clock: SystemClock, database: MemoryDatabase
) -> None:
    broker, documents = MemoryBroker(), database.collection("counters")

    async def open_publisher() -> MemoryPublisher:
        return MemoryPublisher(broker)

    right = SystemClock()
    await right.begin(database.now)
    for writer, relay, key in ((clock, right, "a"), (right, clock, "b")):
        made = await counters(documents, writer).create(TENANT, Key("mia", key, "d"), lambda id: start())
        publishes = Relay(MemoryDatabase(key), [documents], open_publisher, me=key, clock=relay)
        await publishes.round()
        (envelope,) = [found for found, _ in broker.events("forms.applications") if found.subject == made.id]
        assert near(envelope.time, datetime.now(UTC))
        assert "due" not in (await documents.get(made.id) or {})


async def test_what_it_could_not_publish_is_not_hidden_from_others(
    clock: SystemClock, database: MemoryDatabase
) -> None:
    class Deaf(MemoryPublisher):
        async def send(self, topic: str, key: str, value: Any, headers: Any) -> Awaitable[object]:
            raise OSError("no broker")

    async def open_publisher() -> MemoryPublisher:
        return Deaf(MemoryBroker())

    documents = database.collection("counters")
    made = await counters(documents, clock).create(TENANT, Key("mia", "a", "d"), lambda id: start())
    await Relay(database, [documents], open_publisher, me="a", clock=clock).round()
    due = (await documents.get(made.id) or {})["due"]
    assert datetime.now(UTC) - NEAR < due <= datetime.now(UTC) + timedelta(seconds=LONGEST_BACK_OFF)


async def test_nothing_fires_before_its_moment_nor_long_after(clock: SystemClock, database: MemoryDatabase) -> None:
    kind = counters(database.collection("counters"), clock)
    at = datetime.now(UTC) + timedelta(seconds=0.6)
    await kind.create(TENANT, Key("mia", "a", "d"), lambda id: (Counter(1, at=at), ()))
    fired: list[datetime] = []

    async def fire(found: Loaded[Counter]) -> None:
        fired.append(datetime.now(UTC))
        assert found.at is not None
        await kind.timer(found.id, found.at, lambda state: (replace(state, count=state.count + 1, at=None), ()))

    running = asyncio.create_task(Timer(kind, fire, clock=clock, poll=0.05).run(2.0))
    async with asyncio.timeout(20):
        while not fired:
            await asyncio.sleep(0.05)
    running.cancel()
    assert at - timedelta(milliseconds=5) <= fired[0] < at + 5 * NEAR


async def test_its_claims_and_leases_are_neither_over_at_once_nor_for_ever(
    clock: SystemClock, database: MemoryDatabase
) -> None:
    rows, leases = database.collection("inbox"), database.collection("leases")
    held: list[datetime] = []

    async def send(external_id: str) -> None:
        held.append((await rows.get("e") or {})["until"])
        raise NotSent("away")

    with pytest.raises(NotSent):
        await Inbox(rows, clock).once("e", "x", send)
    assert near(held[0], datetime.now(UTC) + CLAIMED_FOR)
    assert len(await Leases(leases, "a", clock).renew()) == SHARDS
    assert all(near(row["until"], datetime.now(UTC) + HELD_FOR) for row in await leases.find({}))


async def test_a_clock_that_jumps_moves_nothing(monkeypatch: pytest.MonkeyPatch, database: MemoryDatabase) -> None:
    clock = SystemClock()
    await clock.begin(database.now)
    for off in (HOUR, -HOUR):
        set_machine(monkeypatch, off)
        assert near(clock.now(), datetime.now(UTC))
        await clock.measure(database.now)
        assert await clock_check(clock)() is not None


async def test_nothing_begins_before_the_time_is_known(
    monkeypatch: pytest.MonkeyPatch, database: MemoryDatabase
) -> None:
    monkeypatch.setattr(chassis.clock, "MAX_DRIFT", timedelta(seconds=0.01))

    async def slow() -> datetime:
        await asyncio.sleep(0.05)
        return await database.now()

    with pytest.raises(TooSlow, match=r"longer than 0\.01 s"):
        await SystemClock().begin(slow)


async def test_no_rebuild_begins_before_the_time_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chassis.clock, "MAX_DRIFT", timedelta(seconds=0.01))

    class Slow(MemoryDatabase):
        async def now(self) -> datetime:
            await asyncio.sleep(0.05)
            return await super().now()

    async def connect(*_: object) -> Database:
        return Slow()

    async def wire(context: Context[Any]) -> Parts:
        raise AssertionError("it goes on without the time")

    monkeypatch.setattr(Database, "connect", connect)
    settings = ServiceSettings()
    code = await asyncio.to_thread(rebuild, Service("notify", settings, wire), settings, wire, "contacts")
    assert (code, "longer than 0.01 s" in capsys.readouterr().err) == (1, True)
