import asyncio
from typing import Any

import pytest

from chassis.documents import DatabaseUnavailable, Documents
from chassis.leases import Leases
from chassis.outbox import SHARDS
from chassis.relay import Relay
from chassis.testing import FixedClock, MemoryDatabase


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def rows() -> Documents:
    return MemoryDatabase().collection("leases")


async def test_two_relays_share_the_shards_and_take_over(rows: Documents, clock: FixedClock) -> None:
    a, b = (Leases(rows, name, clock) for name in "ab")
    assert len(await a.renew()) == SHARDS
    assert await b.renew() == []
    held_a, held_b = await a.renew(), await b.renew()
    assert len(held_a) == len(held_b) == SHARDS / 2
    assert not set(held_a) & set(held_b)
    clock.advance(11)
    assert len(await b.renew()) == SHARDS
    await b.give_back()
    assert len(await a.renew()) == SHARDS


async def test_relays_that_were_killed_leave_nothing_behind(rows: Documents, clock: FixedClock) -> None:
    for n in range(250):
        await rows.insert({"_id": f"relays:0-{n:03}", "relay": f"{n}", "until": clock.now()})
    clock.advance(11)
    a, b = (Leases(rows, name, clock) for name in "ab")
    for _ in range(3):
        await a.renew()
        await b.renew()
    assert len(await a.renew()) == len(await b.renew()) == SHARDS / 2
    assert await rows.count({"_id": {"$gte": "relays:", "$lt": "relays;"}}) == 2


async def test_of_two_who_see_a_free_shard_one_gets_it(rows: Documents, clock: FixedClock) -> None:
    other = Leases(rows, "a", clock)
    await other.renew()
    clock.advance(11)

    class Slow(Documents):
        async def find(self, where: Any, **options: Any) -> Any:
            found = await super().find(where, **options)
            if where["_id"]["$gte"] == "shard:":
                await other.renew()
            return found

    assert len(await Leases(Slow(rows._collection), "b", clock).renew()) == SHARDS / 2
    assert await rows.count({"by": "a"}) == SHARDS / 2


async def test_who_was_overtaken_gives_nothing_back(rows: Documents, clock: FixedClock) -> None:
    a, b = (Leases(rows, name, clock) for name in "ab")
    await a.renew()
    clock.advance(11)
    await b.renew()
    await a.give_back()
    assert await rows.count({"by": "b"}) == SHARDS


async def test_the_relay_goes_on_after_whatever_happens(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def no_publisher() -> Any:
        raise AssertionError("nothing is published")

    relay = Relay(MemoryDatabase(), [], no_publisher, me="a", clock=clock)
    failures: list[Exception] = [RuntimeError("bug"), DatabaseUnavailable("away", retry_after=0.01)]
    rounds = asyncio.Event()

    async def once() -> bool:
        if failures:
            raise failures.pop()
        rounds.set()
        return False

    monkeypatch.setattr(relay, "round", once)
    task = asyncio.create_task(relay.run())
    async with asyncio.timeout(10):
        await rounds.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "bug" in caplog.text
