"""Readers die in the middle of a batch, come and go: every effect once, in order, and nothing stands still."""

import asyncio
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import batch_reader
import pytest
from aiokafka import AIOKafkaProducer
from batch_reader import HANDLED, SERVICE, add_reader
from pydantic import SecretStr

from chassis.broker import MOST_AT_ONCE, Bus
from chassis.clock import SystemClock
from chassis.documents import Database
from chassis.ids import uuid7
from chassis.settings import ServiceSettings
from chassis.testing import START
from chassis.testing.example import TENANT
from contracts.envelope import Envelope, headers_of
from rathaus.stack.stack import Stack

pytestmark = pytest.mark.stack
ACCOUNTS, APPLICATIONS = "identity.accounts", "forms.applications"


class Story:
    """Events of some sources in one topic, and the readers that take them."""

    def __init__(self, stack: Stack, folder: Path, topic: str) -> None:
        self.stack = stack
        self.topic = topic
        self.name = f"batch_{uuid7().replace('-', '')[-20:]}"
        self.file = folder / self.name
        self.file.touch()
        self.numbers: dict[str, int] = {}

    def settings(self) -> ServiceSettings:
        return ServiceSettings(
            kafka_servers=self.stack.kafka_servers,
            kafka_user=SERVICE,
            kafka_password=self.stack.kafka_password(SERVICE),
            database_url=SecretStr(self.stack.database_url()),
        )

    @asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.stack.kafka_servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="admin",
            sasl_plain_password=self.stack.kafka_password(),
            acks="all",
            enable_idempotence=True,
        )
        await producer.start()
        yield producer
        await producer.stop()

    async def send(self, producer: AIOKafkaProducer, source: str, partition: int | None = None) -> Any:
        """Put the next event of a source into the topic; returns what ends with the acknowledgement."""
        source = f"{self.name}-{source}"
        number = self.numbers[source] = self.numbers.get(source, 0) + 1
        envelope = Envelope(uuid7(), HANDLED[self.topic].type, TENANT, source, number, START)
        given = {"occurred_at": START, "account_id": "a", "status": "submitted", "changed_at": START, "level": "hoch"}
        fields = HANDLED[self.topic].model_fields
        known = {name: value for name, value in {**given, "application_id": "a"}.items() if name in fields}
        body = HANDLED[self.topic](**known).model_dump_json().encode()
        return await producer.send(
            self.topic, body, key=source.encode(), headers=headers_of(envelope), partition=partition
        )

    async def fill_one_batch(self, sources: int) -> None:
        """Put so many events into one partition as are read at once."""
        async with self.producer() as producer:
            names = itertools.cycle(range(sources))
            sent = [await self.send(producer, str(next(names)), partition=0) for _ in range(MOST_AT_ONCE)]
            await asyncio.gather(*sent)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """A reader in a process of its own, which is killed at the end."""
        settings = self.settings()
        assert settings.kafka_password
        environment = {
            **os.environ,
            "RATHAUS_KAFKA_SERVERS": self.stack.kafka_servers,
            "RATHAUS_KAFKA_USER": SERVICE,
            "RATHAUS_KAFKA_PASSWORD": settings.kafka_password.get_secret_value(),
            "RATHAUS_DATABASE_URL": self.stack.database_url(),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, batch_reader.__file__, self.topic, self.name, str(self.file), env=environment
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            await process.wait()

    def handled(self) -> int:
        """Return how often any event was handled."""
        return len(self.file.read_bytes().splitlines())

    async def taken(self, database: Database) -> dict[str, list[int]]:
        found = await database.collection("taken").find({"_id": {"$in": [*self.numbers]}}, limit=1_000)
        return {document["_id"]: document["numbers"] for document in found}

    def wanted(self) -> dict[str, list[int]]:
        return {source: [*range(1, last + 1)] for source, last in self.numbers.items()}


async def until(done: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def killed_in_the_middle(story: Story, sources: int) -> None:
    await story.fill_one_batch(sources)
    async with story.reading():
        await until(lambda: story.handled() >= MOST_AT_ONCE * 0.4)
    before = story.handled()
    assert before < MOST_AT_ONCE, "it was not killed in the middle"
    database = await Database.connect(story.settings().database_url, story.name)
    async with story.reading():
        end = time.monotonic() + 90
        while await story.taken(database) != story.wanted():
            assert time.monotonic() < end, await story.taken(database)
            await asyncio.sleep(0.1)
    assert MOST_AT_ONCE < story.handled() <= MOST_AT_ONCE + before
    await database.close()


@pytest.mark.proves("F7", "F74")
async def test_who_dies_in_the_middle_of_a_batch_repeats_no_effect_and_swaps_none(
    infrastructure: Stack, tmp_path: Path
) -> None:
    """At the same time, because a group waits 10 s for its dead: a batch of one source, and one of 25."""
    one, many = Story(infrastructure, tmp_path, ACCOUNTS), Story(infrastructure, tmp_path, APPLICATIONS)
    await asyncio.gather(killed_in_the_middle(one, 1), killed_in_the_middle(many, 25))


@pytest.mark.prove
@pytest.mark.timeout(300)
@pytest.mark.proves("F8")
async def test_readers_that_come_and_go_every_two_seconds_stop_nobody(infrastructure: Stack, tmp_path: Path) -> None:
    story = Story(infrastructure, tmp_path, ACCOUNTS)
    database = await Database.connect(story.settings().database_url, story.name)
    readers: list[Bus] = []
    over = asyncio.Event()

    async def join() -> None:
        bus = Bus(story.settings(), SERVICE, database, SystemClock())
        add_reader(bus, story.topic, database, story.file)
        readers.append(bus)
        await bus.start(consumers=True)

    async def come_and_go() -> None:
        for number in range(30):
            await asyncio.gather(asyncio.sleep(2), readers.pop(0).stop() if number % 2 else join())
        over.set()

    async def send() -> None:
        async with story.producer() as producer:
            while not over.is_set():
                await asyncio.gather(*[await story.send(producer, str(source)) for source in range(24)])
                await asyncio.sleep(0.5)

    seen: list[int] = []

    async def watch() -> None:
        while not over.is_set():
            seen.append(story.handled())
            await asyncio.sleep(1)

    await join()
    await asyncio.gather(come_and_go(), send(), watch())
    end = time.monotonic() + 60
    while await story.taken(database) != story.wanted():
        assert time.monotonic() < end, _behind(story, await story.taken(database))
        await asyncio.sleep(0.2)
    await asyncio.gather(*(bus.stop() for bus in readers))
    await database.close()
    assert all(later > earlier for earlier, later in zip(seen, seen[15:], strict=False)), seen


def _behind(story: Story, taken: dict[str, list[int]]) -> Sequence[str]:
    return [source for source, numbers in story.wanted().items() if taken.get(source) != numbers]
