"""What holds for what is read, whatever fails meanwhile: on the fake broker and on real Kafka."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from chassis.errors import Transient
from chassis.outbox import field_of
from chassis.places import MOST_WAITING
from chassis.testing import START, FixedClock
from chassis.testing.desk import ACCOUNTS, Desk, FakeDesk
from chassis.testing.example import TENANT, Counter, count_up, counters
from contracts.envelope import Envelope, headers_of
from contracts.identity import AccountLinked
from contracts.topics import TOPICS


@pytest.mark.proves("F24")
@pytest.mark.parametrize("failures", [1, 2, 3])
async def test_a_handler_that_fails_for_a_while_is_tried_again_in_order_and_no_more_than_needed(
    desk: Desk, failures: int
) -> None:
    delays = (0.05, 0.15, 0.3)
    for reader in desk.readers():
        reader._delays = delays
    failing = (desk.source("s"), 2)
    desk.failures[failing] = [Transient("away")] * failures
    for number in (1, 2, 3, 4):
        await desk.put("s", number)
    await desk.put("t", 1)
    await desk.until(lambda: len(desk.of("s")) >= 4 and len(desk.of("t")) >= 1)
    assert desk.of("s") == [1, 2, 3, 4]
    tries = desk.tries.pop(failing)
    waited = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) == failures + 1
    assert all(took >= delay for took, delay in zip(waited, delays, strict=False))
    assert {len(times) for times in desk.tries.values()} == {1}
    assert await desk.dead() == []


@pytest.mark.proves("F25")
async def test_one_source_that_fails_for_good_slows_no_other(desk: Desk) -> None:
    """The others' least times for the same records, with and without it, in turn: who else works only adds to them."""
    # Against the fake nothing is ever waited for, so that its seconds of work are the finer measure.
    clock = time.process_time
    if not isinstance(desk, FakeDesk):
        clock, desk.effect = time.monotonic, _lasting
    others, each = 47, 20
    took: dict[str, list[float]] = {"ill": [], "well": []}
    for round_ in range(30):
        for state in sorted(took, reverse=round_ % 2 == 1):
            for database in desk.databases.values():
                await database.drop("places")  # the fake one gets slower with each document
            names = [f"{state}{round_}x{number}" for number in range(others)]
            bad = f"{state}{round_}bad"
            if state == "ill":
                desk.failures[(desk.source(bad), 1)] = [RuntimeError("bug")]
            numbers = range(1, each + 1)
            with uncollected():
                began = clock()
                await asyncio.gather(*(desk.put(name, number) for number in numbers for name in [bad, *names]))
                await desk.until(lambda names=names: all(len(desk.of(name)) >= each for name in names))  # type: ignore[misc]
                took[state].append(clock() - began)
            assert all(desk.of(name) == list(numbers) for name in names)
            assert desk.of(bad) == [] or state == "well"
        if round_ >= 4 and min(took["well"]) >= 0.9 * min(took["ill"]):
            break
    assert min(took["well"]) >= 0.9 * min(took["ill"]), took
    first, *_ = await desk.dead(1)
    assert first.key == desk.source("ill0bad").encode()


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage: to look through all that other tests have left takes as long as a round."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _lasting(event: object, envelope: Envelope) -> None:
    """Last as long as one request to a database: beside handlers that do nothing, reading alone would be measured."""
    await asyncio.sleep(0.002)


@pytest.mark.proves("F27")
async def test_a_thousand_copies_of_one_event_have_one_effect(desk: Desk) -> None:
    """On four partitions and on the topic of replays, read by two processes of one group that race each other."""
    documents = desk.databases["osi-gateway"].collection("counters")
    kind = counters(documents, FixedClock())

    async def count(event: object, envelope: Envelope) -> None:
        await asyncio.sleep(0)
        await kind.absorb(envelope.subject, envelope, lambda state: count_up(state or Counter()))

    desk.effect = count
    await desk.join()
    await desk.put("s", 1)
    event = AccountLinked(occurred_at=START, account_id="s", level="hoch").model_dump_json().encode()
    source = desk.source("s")
    headers = headers_of(Envelope(f"{source}-1-{AccountLinked.type}", AccountLinked.type, TENANT, source, 1, START))
    retry = TOPICS[ACCOUNTS].retry("osi-gateway")
    copies = [desk.send(ACCOUNTS, source, event, headers, number % 4) for number in range(900)]
    copies += [desk.send(retry, source, event, headers) for _ in range(99)]
    await asyncio.gather(*copies)
    for number in range(4):  # read after all copies of its partition
        await desk.send(ACCOUNTS, f"end-{source}", event, headers_of(_end(desk, number)), number)
    await desk.send(retry, f"end-{source}", event, headers_of(_end(desk, 4)))
    await desk.until(lambda: all(desk.of(f"end{number}") for number in range(5)))
    document = await documents.get(source)
    assert document is not None
    assert (document["count"], len(document["out"]), document["seq"]) == (1, 1, {field_of("forms.applications"): 1})
    assert await desk.dead() == []


def _end(desk: Desk, number: int) -> Envelope:
    source = desk.source(f"end{number}")
    return Envelope(f"{source}-1", AccountLinked.type, TENANT, source, 1, START)


@pytest.mark.proves("F50")
async def test_what_waits_beyond_the_limit_goes_to_the_dead_letters_and_comes_back(desk: Desk) -> None:
    behind = range(2, MOST_WAITING + 3)
    assert len(behind) == 65
    for number in behind:
        await desk.put("s", number)
    await desk.put("t", 1)
    await desk.until(lambda: desk.of("t") == [1])
    (letter,) = await desk.dead(1)
    await desk.put("s", 1)
    await desk.until(lambda: len(desk.of("s")) >= 65)
    assert desk.of("s") == list(range(1, 66))
    assert b"waits behind number 1" in dict(letter.headers)["dlq_error"]
    await desk.replay(letter)
    await desk.until(lambda: len(desk.of("s")) >= 66)
    assert desk.of("s") == list(range(1, 67))


@pytest.mark.proves("F66")
async def test_a_topic_that_forgets_begins_where_it_can(desk: Desk) -> None:
    for number in (7, 9, 8, 7):
        await desk.put_package("s", number)
    for number in (7, 9, 8):
        await desk.put_contact("s2", number, "mia@example.org")
    await desk.until(lambda: len(desk.of("s")) >= 3 and len(desk.of("s2")) >= 2)
    assert (desk.of("s"), desk.of("s2")) == ([7, 8, 9], [7, 9])
    await desk.put("s3", 7)  # and where nothing is forgotten, 7 is not the beginning
    await desk.put("t", 1)
    await desk.until(lambda: desk.of("t") == [1])
    assert desk.of("s3") == []
    assert await desk.dead() == []


@pytest.mark.proves("F75")
async def test_a_source_that_moved_to_another_partition_heals_by_waiting(desk: Desk) -> None:
    """As after the number of partitions grew: what was written later may be read earlier."""
    for numbers, partition in (((4, 5, 6), 7), ((1, 2, 3), 0), ((8,), 3), ((7,), 7)):
        for number in numbers:
            await desk.put("s", number, partition=partition)
    await desk.until(lambda: len(desk.of("s")) >= 8)
    assert desk.of("s") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert await desk.dead() == []
