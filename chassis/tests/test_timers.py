import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from chassis.aggregates import Aggregates, Key, Loaded
from chassis.errors import Transient
from chassis.process import Parts, Service
from chassis.settings import ServiceSettings
from chassis.testing import FixedClock, MemoryDatabase
from chassis.testing.example import TENANT, Counted, Counter, counters
from chassis.timers import AT_THE_SAME_TIME, LONGEST_BACK_OFF, Timer


class Desk:
    """Counters with a moment; firing counts one more and drops the moment."""

    def __init__(self, limit: int = 50) -> None:
        self.clock = FixedClock()
        self.documents = MemoryDatabase().collection("counters")
        self.kind: Aggregates[Counter, Counted] = counters(self.documents, self.clock)
        self.fired: list[str] = []
        self.failing: dict[str, Exception] = {}
        self.timer = Timer(self.kind, self.fire, clock=self.clock, limit=limit)

    async def counter(self, name: str, at: datetime | None) -> str:
        made = await self.kind.create(TENANT, Key("mia", name, "d"), lambda id: (Counter(1, at=at), ()))
        return made.id

    async def fire(self, found: Loaded[Counter]) -> None:
        if found.id in self.failing:
            raise self.failing[found.id]
        self.fired.append(found.id)
        assert found.at is not None
        await self.kind.timer(found.id, found.at, lambda state: (replace(state, count=state.count + 1, at=None), ()))

    def rested(self) -> None:
        """Let all that failed be tried again now."""
        now = time.monotonic()
        self.timer._not_before = {id: (now, tries) for id, (_, tries) in self.timer._not_before.items()}


async def test_nothing_is_early_and_nothing_is_twice() -> None:
    desk = Desk()
    at = desk.clock.now() + timedelta(seconds=10)
    id = await desk.counter("a", at)
    await desk.counter("b", None)
    desk.clock.advance(9.999)
    assert not await desk.timer.look()
    desk.clock.advance(0.001)
    assert await desk.timer.look()
    assert not await desk.timer.look()
    assert desk.fired == [id]


@pytest.mark.proves("F72")
async def test_after_a_stop_all_is_made_up_in_order_of_its_moment_a_few_at_a_time() -> None:
    desk = Desk(limit=10)
    now = desk.clock.now()
    ids = [await desk.counter(f"{n}", now + timedelta(minutes=30 - n)) for n in range(25)]
    desk.clock.advance(timedelta(days=1))
    await desk.timer.look()
    assert set(desk.fired) == set(ids[15:])
    for _ in range(2):
        await desk.timer.look()
    assert sorted(desk.fired) == sorted(ids)


@pytest.mark.proves("F72")
async def test_a_death_after_the_effect_fires_again_and_changes_nothing() -> None:
    desk = Desk()
    id = await desk.counter("a", desk.clock.now())
    (found,) = await desk.kind.find({})
    await asyncio.gather(desk.timer.look(), desk.timer.look(), Timer(desk.kind, desk.fire, clock=desk.clock).look())
    await desk.fire(found)
    assert (await desk.kind.load(TENANT, id)).state.count == 2


async def test_failures_rest_longer_each_time_and_hold_nobody_up() -> None:
    desk = Desk(limit=3)
    bad = [await desk.counter(f"bad{n}", desk.clock.now()) for n in range(5)]
    desk.failing = {id: RuntimeError("bug") for id in bad}
    good = await desk.counter("good", desk.clock.now() + timedelta(seconds=1))
    desk.clock.advance(2)
    for _ in range(3):
        await desk.timer.look()
    assert desk.fired == [good]
    rests = []
    for _ in range(12):
        desk.rested()
        before = time.monotonic()
        await desk.timer.look()
        rests.append(max(until - before for until, _ in desk.timer._not_before.values()))
    assert rests[0] < 5 < 100 < rests[-1] <= LONGEST_BACK_OFF + 5
    desk.failing.clear()
    desk.rested()
    for _ in range(2):
        await desk.timer.look()
    assert set(desk.fired) == {good, *bad}
    assert desk.timer._not_before == {}


async def test_however_many_rest_no_more_are_fired_at_once() -> None:
    desk = Desk(limit=3)
    for n in range(3):
        desk.failing[await desk.counter(f"bad{n}", desk.clock.now())] = RuntimeError("bug")
    await desk.timer.look()
    for n in range(6):
        await desk.counter(f"good{n}", desk.clock.now() - timedelta(seconds=1))
    await desk.timer.look()
    assert len(desk.fired) == 3


async def test_a_failure_says_itself_when_to_try_again() -> None:
    desk = Desk()
    desk.failing[await desk.counter("a", desk.clock.now())] = Transient("away", retry_after=40)
    before = time.monotonic()
    assert not await desk.timer.look()
    assert not await desk.timer.look()
    ((until, tries),) = desk.timer._not_before.values()
    assert (39 < until - before < 45, tries) == (True, 1)


@pytest.mark.parametrize(
    ("error", "reason"), [(ValueError("no number: 'mia@example.org'"), "ValueError"), (Transient("away"), "away")]
)
async def test_a_failure_is_logged_without_what_somebody_typed(
    error: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    desk.failing[await desk.counter("a", desk.clock.now())] = error
    await desk.timer.look()
    (line,) = caplog.records
    assert line.fields["reason"] == reason  # type: ignore[attr-defined]


async def test_what_failed_and_is_due_no_more_is_forgotten() -> None:
    desk = Desk()
    id = await desk.counter("a", desk.clock.now())
    desk.failing[id] = RuntimeError("bug")
    await desk.timer.look()
    await desk.kind.command(TENANT, id, Key("mia", "x", "d"), lambda state: (replace(state, at=None), ()))
    ((until, tries),) = desk.timer._not_before.values()
    desk.timer._not_before[id] = (until - LONGEST_BACK_OFF - 2, tries)
    await desk.timer.look()
    assert desk.timer._not_before == {}


async def test_a_document_that_cannot_be_read_holds_nobody_up() -> None:
    desk = Desk()
    broken, good = await desk.counter("a", desk.clock.now()), await desk.counter("b", desk.clock.now())
    await desk.documents.update({"_id": broken}, {"$unset": {"count": 1}})
    await desk.timer.look()
    assert desk.fired == [good]


async def test_a_moment_that_stays_is_no_hot_loop() -> None:
    desk = Desk()
    await desk.counter("a", desk.clock.now())
    calls: list[str] = []

    async def nothing(found: Loaded[Counter]) -> None:
        calls.append(found.id)

    timer = Timer(desk.kind, nothing, clock=desk.clock)
    task = asyncio.create_task(timer.run(2.0))
    await asyncio.sleep(0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(calls) == 1


async def test_a_kick_wakes_the_timer() -> None:
    desk = Desk()
    desk.timer._poll = 60
    task = asyncio.create_task(desk.timer.run(2.0))
    await asyncio.sleep(0.05)
    await desk.counter("a", desk.clock.now())
    desk.timer.kick()
    async with asyncio.timeout(5):
        while not desk.fired:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_timer_that_cannot_look_goes_on_and_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.timer._poll = 0.01
    await desk.counter("a", desk.clock.now())
    look, failures = desk.timer.look, [RuntimeError("bug"), Transient("away")] * 3

    async def failing() -> bool:
        if failures:
            desk.timer._seen_alive -= 50
            raise failures.pop()
        return await look()

    monkeypatch.setattr(desk.timer, "look", failing)
    task = asyncio.create_task(desk.timer.run(2.0))
    try:
        async with asyncio.timeout(5):
            while failures:
                await asyncio.sleep(0)
            assert "no look" in (await desk.timer.check() or "")
            while not desk.fired or await desk.timer.check():
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class SlowDesk(Desk):
    """Firing ends when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let = asyncio.Event(), asyncio.Event()

    async def fire(self, found: Loaded[Counter]) -> None:
        self.begun.set()
        await self.let.wait()
        await super().fire(found)


async def stopped_while_firing(desk: SlowDesk, last_firing: float = 2) -> asyncio.Task[None]:
    """A timer that was asked to stop in the middle of a firing."""
    await desk.counter("a", desk.clock.now())
    running = asyncio.create_task(desk.timer.run(last_firing))
    await desk.begun.wait()
    running.cancel()
    await asyncio.sleep(0)
    return running


@pytest.mark.proves("F33")
async def test_a_stop_lets_what_is_being_fired_end() -> None:
    desk = SlowDesk()
    running = await stopped_while_firing(desk)
    desk.let.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(desk.fired) == 1
    assert not await Timer(desk.kind, desk.fire, clock=desk.clock).look()


@pytest.mark.proves("F33")
async def test_a_stop_lets_nothing_begin_that_is_due_beside_it() -> None:
    desk = SlowDesk()
    due = [await desk.counter(f"due{number}", desk.clock.now()) for number in range(40)]
    running = await stopped_while_firing(desk)
    desk.let.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert 1 <= len(desk.fired) <= AT_THE_SAME_TIME
    next_one = Timer(desk.kind, desk.fire, clock=desk.clock)
    assert await next_one.look()
    assert len(desk.fired) == len(set(desk.fired)) == len(due) + 1


async def test_a_stop_waits_for_it_only_so_long() -> None:
    desk = SlowDesk()
    with pytest.raises(asyncio.CancelledError):
        await (await stopped_while_firing(desk, 0.05))
    assert desk.fired == []


async def test_of_the_time_that_a_process_has_to_stop_half_is_for_what_is_being_fired() -> None:
    desk, service = SlowDesk(), Service("notify", ServiceSettings(graceful_timeout=0.2), wire=cast(Any, None))
    await desk.counter("a", desk.clock.now())
    async with AsyncExitStack() as stack:
        service._start_timers(stack, Parts(timers=[desk.timer]))
        await desk.begun.wait()
        begun = time.monotonic()
    assert 0.09 < time.monotonic() - begun < 1
    assert desk.fired == []
