"""A group that slept for longer than its topic keeps what it holds: what is gone holds back nothing that is there."""

import contextlib
import logging
from typing import Any

import pytest

from chassis.documents import DatabaseUnavailable
from chassis.reader import MOST_BURIED, KeepsFailing
from chassis.testing.desk import PACKAGES, Desk
from contracts.envelope import Envelope

GROUP = f"osi-gateway.{PACKAGES}"


async def notes(desk: Desk) -> list[dict[str, Any]]:
    places = desk.databases["osi-gateway"].collection("places")
    return await places.find({"lost_at": {"$exists": True}}, limit=100)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[Any, Any]]:
    """Return first and last number of what is said to be deleted."""
    lines = [line for line in caplog.records if line.getMessage() == "events were deleted unread"]
    return [(line.fields["sequence"], line.fields["until"]) for line in lines]  # type: ignore[attr-defined]


@pytest.mark.proves("F66")
async def test_what_a_topic_deleted_unread_is_stepped_over_and_told(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    async def unread() -> None:
        for number in (3, 4):
            await desk.put_package("s", number)

    for number in (1, 2):
        await desk.put_package("s", number)
    await desk.until(lambda: desk.of("s") == [1, 2])
    await desk.oversleep(unread)
    with caplog.at_level(logging.ERROR, "chassis"):
        for number in (5, 6):
            await desk.put_package("s", number)
        await desk.until(lambda: desk.of("s") == [1, 2, 5, 6])
    assert told(caplog) == [(3, 4)]
    (note,) = await notes(desk)
    assert (note["group"], note["end"] - note["begin"]) == (GROUP, 2)


@pytest.mark.proves("F66")
async def test_what_is_merely_late_is_waited_for_all_the_same(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Also where the log has forgotten: a gap that opens afterwards is none of the lost ones."""

    async def unread() -> None:
        await desk.put_package("s", 2)

    await desk.put_package("s", 1)
    await desk.until(lambda: desk.of("s") == [1])
    await desk.oversleep(unread)
    for number in (3, 5, 4):
        await desk.put_package("s", number)
    await desk.until(lambda: len(desk.of("s")) >= 4)
    await desk.oversleep(_nothing)  # all of it was read: nothing is lost
    for number in (7, 6, 8):
        await desk.put_package("s", number)
    await desk.until(lambda: len(desk.of("s")) >= 7)
    assert desk.of("s") == [1, 3, 4, 5, 6, 7, 8]
    assert told(caplog) == [(2, 2)]


@pytest.mark.proves("F66")
async def test_what_lies_in_the_dead_letters_is_not_lost(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async def unread() -> None:
        await desk.put_package("s", 3)

    desk.failures[(desk.source("s"), 2)] = [RuntimeError("bug")]
    for number in (1, 2):
        await desk.put_package("s", number)
    await desk.put_package("t", 1)
    await desk.until(lambda: desk.of("s") == [1] and desk.of("t") == [1])
    (letter,) = await desk.dead(1)
    await desk.oversleep(unread)
    await desk.put_package("s", 4)
    await desk.put_package("t", 2)
    await desk.until(lambda: desk.of("t") == [1, 2])
    assert desk.of("s") == [1]
    await desk.replay(letter)
    await desk.until(lambda: desk.of("s") == [1, 2, 4])
    assert told(caplog) == [(3, 3)]


@pytest.mark.proves("F66")
@pytest.mark.parametrize("reason", ["database", "poison"])
async def test_what_is_deleted_under_a_reader_that_stands_still_is_stepped_over_and_told(
    desk: Desk, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    """It is alive and owns its partitions all the while: nobody tells it that they were emptied."""

    async def stand_still(event: Any, envelope: Envelope) -> None:
        for reader in desk.readers():  # not before: the end of an earlier event would make it well
            reader._buried = MOST_BURIED
        raise DatabaseUnavailable("away") if reason == "database" else RuntimeError("poison")

    async def until_tried(number: int) -> None:
        with contextlib.suppress(DatabaseUnavailable, KeepsFailing):  # of the fake's readers, who tell it
            await desk.until(lambda: bool(desk.tries[desk.source("s"), number]))

    for number in (1, 2):
        await desk.put_package("s", number)
    await desk.until(lambda: desk.of("s") == [1, 2])
    desk.effect = stand_still
    for number in (3, 4):
        await desk.put_package("s", number)
    await until_tried(3)
    await desk.forget()
    with caplog.at_level(logging.ERROR, "chassis"):
        await desk.put_package("s", 5)
        await until_tried(5)
        desk.effect = None
        await desk.put_package("s", 6)
        await desk.until(lambda: desk.of("s") == [1, 2, 5, 6])
    assert told(caplog) == [(3, 4)]
    (note,) = await notes(desk)
    assert (note["group"], note["end"] - note["begin"]) == (GROUP, 2)
    assert await desk.dead() == []


async def _nothing() -> None:
    return
