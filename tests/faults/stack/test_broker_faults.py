"""Brokers that err, leave and come back: the real relay, producer and reader on librdkafka's mock cluster."""

import asyncio
import gc
import logging
import warnings
from collections.abc import Iterator

import pytest
from busy_town import READER, TOPIC, BusyTown, until
from checker import violations
from inside import rewire
from mock_cluster import (
    COMMIT,
    NOT_COORDINATOR,
    NOT_LEADER,
    PRODUCE,
    REQUEST_TIMED_OUT,
    TOO_LARGE,
    MockCluster,
)
from wires import Wire

import chassis.broker
import chassis.kafka
import chassis.relay
from chassis.documents import Document, Documents
from chassis.kafka import KafkaPublisher
from chassis.logs import Seldom
from chassis.relay import Relay
from chassis.settings import ServiceSettings

PARTITIONS = range(TOPIC.partitions)
LARGE = 80_000
"""Bytes of an event of which two do not fit into one request of the producer."""


@pytest.fixture
def cluster(caplog: pytest.LogCaptureFixture) -> Iterator[MockCluster]:
    with MockCluster() as cluster:
        for name in (TOPIC.name, TOPIC.retry(READER), f"{READER}.dead-letters"):
            cluster.topic(name, TOPIC.partitions)
        yield cluster
    caplog.get_records("call").clear()  # what was logged holds errors, and these the connections that they met
    with warnings.catch_warnings():
        # aiokafka (client.py, _get_conn) drops a connection whose broker has hung up without closing it, where its own
        # reader has not noticed yet. The collector closes it. Of one that still leads somewhere it says "Unclosed".
        warnings.filterwarnings("ignore", "loop is closed|unclosed (transport )?<", ResourceWarning)
        gc.collect()  # tells here, not in a later test, of a connection that nobody closed


def lead_all(cluster: MockCluster, broker: int | None) -> None:
    for partition in PARTITIONS:
        cluster.lead(TOPIC.name, partition, broker)


async def effects(town: BusyTown, number: int, seconds: float = 30) -> None:
    async def enough() -> bool:
        return len(town.effects) >= number

    await until(enough, seconds)


@pytest.mark.proves("F12")
async def test_leaders_that_move_and_err_lose_and_swap_nothing(cluster: MockCluster) -> None:
    town = BusyTown(cluster.servers)
    await town.count(counters=50, ups=20)
    async with town.reading(), town.relaying():
        await effects(town, 10)
        cluster.fail(PRODUCE, *([NOT_LEADER, 0, REQUEST_TIMED_OUT, 0, 0] * 6))
        for turn in range(6):
            for partition in PARTITIONS:
                cluster.lead(TOPIC.name, partition, (turn + partition) % 3 + 1)
            await asyncio.sleep(0.2)
        await town.at_rest()
    assert violations(await town.story()) == []
    assert len(town.effects) == 1000


@pytest.mark.proves("F12")
async def test_a_broker_that_leaves_and_comes_back_loses_and_swaps_nothing(cluster: MockCluster) -> None:
    town = BusyTown(cluster.servers)
    await town.count(counters=20, ups=10)
    async with town.reading(), town.relaying():
        await effects(town, 20)
        cluster.slow(1, 100)
        cluster.down(2)
        await asyncio.sleep(1)
        cluster.up(2)
        await town.at_rest()
    assert violations(await town.story()) == []


@pytest.mark.proves("F14")
async def test_a_reader_goes_on_by_itself_when_its_coordinator_moves(cluster: MockCluster) -> None:
    town = BusyTown(cluster.servers)
    await town.count(counters=30, ups=10)
    group = TOPIC.group(READER)
    cluster.coordinate(group, 1)
    async with town.reading() as bus, town.relaying():
        await effects(town, 30)
        cluster.fail(COMMIT, NOT_COORDINATOR, 0, NOT_COORDINATOR)
        cluster.coordinate(group, 2)
        await town.at_rest()
        assert await bus.check() is None
    assert violations(await town.story()) == []


@pytest.mark.proves("F14")
async def test_a_reader_that_comes_while_the_leader_moves_does_not_wait_for_minutes(
    cluster: MockCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka does not ask again who leads a partition that it has never read."""
    monkeypatch.setattr(chassis.broker, "_METADATA_MS", 1_000)
    town = BusyTown(cluster.servers)
    lead_all(cluster, 1)
    await town.count(counters=10, ups=2)
    async with town.reading(), town.relaying():
        lead_all(cluster, 2)
        await town.at_rest(20)
    assert violations(await town.story()) == []


@pytest.mark.proves("F51")
async def test_a_new_producer_after_a_partition_without_leader_keeps_the_order(
    cluster: MockCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody leads for longer than a request may take: the producer's batch expires, a new producer begins anew."""
    monkeypatch.setattr(chassis.relay, "SEND_TIMEOUT", 1.5)
    monkeypatch.setattr(chassis.kafka, "SEND_TIMEOUT", 1.5)
    town = BusyTown(cluster.servers)
    await town.count(counters=12, ups=15)
    for broker in (1, 2, 3):
        cluster.slow(broker, 100)
    async with town.reading(), town.relaying():
        await effects(town, 1)
        lead_all(cluster, None)
        await until(lambda: _publishers(town, 2), 20)
        lead_all(cluster, 2)
        for broker in (1, 2, 3):
            cluster.slow(broker, 0)
        await town.at_rest()
    assert violations(await town.story()) == []


async def _publishers(town: BusyTown, number: int) -> bool:
    return town.publishers >= number


@pytest.mark.proves("F51")
async def test_what_fails_for_good_is_followed_by_nothing_of_its_source(cluster: MockCluster) -> None:
    town = BusyTown(cluster.servers, size=LARGE)
    await town.count(counters=8, ups=3)
    cluster.fail(PRODUCE, TOO_LARGE, 0, TOO_LARGE)
    async with town.reading(), town.relaying():
        await town.at_rest()
    assert violations(await town.story()) == []
    assert town.publishers >= 2


async def test_a_reader_that_stops_while_it_backs_off_leaves_no_connection(
    cluster: MockCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka's own ``stop`` ends there before it has closed any. The fixture would see them."""
    town = BusyTown(cluster.servers)
    await town.count(counters=5, ups=2)
    lead_all(cluster, 2)
    async with town.reading(), town.relaying():
        await effects(town, 5)
        cluster.down(2)

        async def backs_off() -> bool:
            return any(record.getMessage().startswith("Failed fetch messages") for record in caplog.records)

        await until(backs_off, 20)


@pytest.mark.proves("F51")
@pytest.mark.parametrize("moment", [0.01, 0.05, 0.1])
async def test_a_producer_thrown_away_while_it_connects_sends_nothing_more(cluster: MockCluster, moment: float) -> None:
    """What it still held, the next one has sent by then. The fixture sees that no connection is left either."""
    publisher = await KafkaPublisher.open(ServiceSettings(kafka_servers=cluster.servers), "test")
    for broker in (1, 2, 3):
        cluster.slow(broker, 100)
    under_way = [await publisher.send(TOPIC.name, str(number), b"{}", []) for number in range(20)]
    await asyncio.sleep(moment)
    await publisher.close()
    futures = [asyncio.ensure_future(one) for one in under_way]
    before = sum(future.done() for future in futures)
    await asyncio.sleep(0.5)
    assert sum(future.done() for future in futures) == before
    for future in futures:
        future.cancel()


async def test_order_is_lost_where_all_events_of_a_document_are_under_way_at_once(
    cluster: MockCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weaker form that waves are there against: the first fails, the second is taken, the first comes again."""

    async def all_at_once(self: Relay, documents: Documents, due: list[Document]) -> None:
        publisher = await self._publisher_now()
        entries = [(document, entry) for document in due for entry in document["out"]]
        sent = await asyncio.gather(*(self._send(publisher, document, entry) for document, entry in entries))
        acknowledged: dict[str, list[Document]] = {document["_id"]: [] for document in due}
        failed: dict[str, Document] = {}
        for (document, entry), good in zip(entries, sent, strict=True):
            if good:
                acknowledged[document["_id"]].append(entry)
            else:
                failed.setdefault(document["_id"], entry)
        if failed:
            await self._drop_publisher()
        await self._mark(documents, due, acknowledged)
        await self._back_off(documents, failed)

    monkeypatch.setattr(Relay, "_publish_all", all_at_once)
    town = BusyTown(cluster.servers, size=LARGE)
    await town.count(counters=8, ups=3)
    cluster.fail(PRODUCE, TOO_LARGE, 0, TOO_LARGE)
    async with town.relaying():
        await until(lambda: _all_published(town), 30)
    assert [broken for broken in violations(await town.story()) if broken.startswith("I3")]


async def _all_published(town: BusyTown) -> bool:
    return not await town.pending()


class Said(logging.Handler):
    """What was said while it was open."""

    def __init__(self, *filters: logging.Filter) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        for one in filters:
            self.addFilter(one)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


async def test_while_no_broker_answers_a_reader_tries_now_and_then_and_logs_seldom(cluster: MockCluster) -> None:
    brokers, seconds = (1, 2, 3), 3
    everything, written = Said(), Said(Seldom("aiokafka"))
    logger = logging.getLogger("aiokafka")
    async with BusyTown(cluster.servers).reading():
        for broker in brokers:
            cluster.down(broker)
        for handler in (everything, written):
            logger.addHandler(handler)
        try:
            await asyncio.sleep(seconds)
        finally:
            for handler in (everything, written):
                logger.removeHandler(handler)
            for broker in brokers:
                cluster.up(broker)
    tries = sum(record.getMessage().startswith("Unable connect") for record in everything.records)
    # Fetching, finding the coordinator and asking for metadata: twice a second each, at every broker.
    assert 0 < tries <= 2 * seconds * 3 * len(brokers)
    lines = [(record.pathname, record.lineno) for record in written.records]
    assert len(lines) == len(set(lines)) < len(everything.records) / 3


@pytest.mark.proves("F20")
async def test_a_reader_holds_no_connection_that_fell_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chassis.broker, "_REQUEST_MS", 2_000)
    monkeypatch.setattr(chassis.broker, "_METADATA_MS", 500)
    with MockCluster(1) as cluster, Wire(int(cluster.servers.rpartition(":")[2])) as wire:
        for name in (TOPIC.name, TOPIC.retry(READER), f"{READER}.dead-letters"):
            cluster.topic(name, TOPIC.partitions, 1)
        monkeypatch.setattr("socket.socket", rewire.through({wire.target: wire.port}))
        town = BusyTown(cluster.servers)
        await town.count(counters=4, ups=1)
        async with town.reading() as bus:
            assert await bus.check() is None
            await asyncio.sleep(1)  # each client has asked for metadata, and holds a connection for it
            wire.silence()
            await asyncio.sleep(1)  # and has asked again
            assert wire.silent_connections
            wire.heal()
            async with asyncio.timeout(10):
                while wire.silent_connections or await bus.check():
                    await asyncio.sleep(0.05)
            async with town.relaying():
                await town.at_rest()
