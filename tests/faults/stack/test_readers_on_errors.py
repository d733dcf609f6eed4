"""A reader whose poll loop meets an error, or ends: it goes on by itself, or readiness says so."""

from collections.abc import Iterator

import pytest
from busy_town import READER, TOPIC, BusyTown, until
from mock_cluster import FETCH, NOT_AUTHORIZED, MockCluster


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with MockCluster() as cluster:
        for name in (TOPIC.name, TOPIC.retry(READER), f"{READER}.dead-letters"):
            cluster.topic(name, 1)  # FastStream waits 5 s after the error of each
        yield cluster


@pytest.mark.proves("F15")
async def test_a_reader_goes_on_after_an_error_while_it_polls(cluster: MockCluster) -> None:
    town = BusyTown(cluster.servers)
    await town.count(counters=10, ups=4)
    cluster.fail(FETCH, NOT_AUTHORIZED)
    async with town.reading() as bus, town.relaying():
        await town.at_rest()
        assert await bus.check() is None
    assert len(town.effects) == 40


@pytest.mark.proves("F15")
async def test_a_reader_whose_loop_ends_silently_turns_readiness_red(cluster: MockCluster) -> None:
    town = BusyTown(cluster.servers)
    async with town.reading() as bus:
        assert await bus.check() is None
        for subscriber in bus._broker.subscribers:
            await subscriber.consumer.stop()  # type: ignore[attr-defined]  # getone raises ConsumerStoppedError

        async def red() -> bool:
            return "has stopped" in (await bus.check() or "")

        await until(red, 10)
