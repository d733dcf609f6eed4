"""An event gets an incompatible second version while everything runs: real readers of both kinds, killed in between."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import version_reader
from pydantic import SecretStr
from version_reader import SERVICE, TOPIC, VERSIONS, WATTS

from chassis.documents import Database
from chassis.ids import uuid7
from chassis.kafka import KafkaPublisher
from chassis.settings import ServiceSettings
from chassis.testing import START
from chassis.testing.example import TENANT
from contracts.envelope import Envelope, headers_of
from rathaus.deadletters.desk import Desk
from rathaus.deadletters.kafka_log import KafkaLog
from rathaus.deadletters.letters import Letter
from rathaus.stack import Stack, kafka_contents

pytestmark = [pytest.mark.stack, pytest.mark.prove, pytest.mark.timeout(300), pytest.mark.proves("F65")]
SOURCES = 12
PAUSE = 0.03
"""Seconds between two facts."""


class Rollout:
    """Lamps that are lit all the time, by a publisher of either version, and the processes that read of it."""

    def __init__(self, stack: Stack, folder: Path, publisher: KafkaPublisher) -> None:
        self.stack = stack
        self.name = f"versions_{uuid7().replace('-', '')[-20:]}"
        self.version = 1
        """What the publisher tells from now on."""
        self.told: dict[str, list[int]] = {}
        self._publisher = publisher
        self._file = folder / self.name
        self._file.touch()
        self._fleet: list[asyncio.subprocess.Process] = []

    async def tell(self, number: int) -> None:
        """Publish the next fact of a lamp."""
        source = f"{self.name}-{number % SOURCES}"
        told = self.told.setdefault(source, [])
        word = "dim" if len(told) % 3 else "bright"
        said = {"brightness": word} if self.version == 1 else {"watts": WATTS[word]}
        told.append(WATTS[word])
        envelope = Envelope(f"{source}-{len(told)}", VERSIONS[self.version], TENANT, source, len(told), START)
        body = json.dumps({"occurred_at": START.isoformat(), **said}).encode()
        await (await self._publisher.send(TOPIC, source, body, headers_of(envelope)))

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Tell facts without a pause worth the name, whoever reads."""

        async def go_on() -> None:
            number = 0
            while True:
                await self.tell(number)
                await asyncio.sleep(PAUSE)
                number += 1

        running = asyncio.create_task(go_on())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def join(self, version: int) -> int:
        """Start a process that knows versions up to this one, and wait until it reads; its process id."""
        environment = {
            **os.environ,
            "RATHAUS_KAFKA_SERVERS": self.stack.kafka_servers,
            "RATHAUS_KAFKA_USER": SERVICE,
            "RATHAUS_KAFKA_PASSWORD": self.stack.kafka_password(SERVICE),
            "RATHAUS_DATABASE_URL": self.stack.database_url(),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, version_reader.__file__, str(version), self.name, str(self._file), env=environment
        )
        self._fleet.append(process)
        await until(lambda: self.handled_by(process.pid) > 0, f"process {process.pid} reads nothing")
        return process.pid

    async def leave(self, pid: int, number: signal.Signals = signal.SIGTERM) -> None:
        """End a process of the fleet, in order or not."""
        process = next(one for one in self._fleet if one.pid == pid)
        process.send_signal(number)
        await process.wait()
        self._fleet.remove(process)

    async def end(self) -> None:
        for process in list(self._fleet):
            await self.leave(process.pid, signal.SIGKILL)

    def handled_by(self, pid: int) -> int:
        """How many facts a process has handled."""
        return sum(line.startswith(f"{pid} ") for line in self._file.read_text().splitlines())

    async def reads_on(self) -> None:
        """Wait until every process has handled something that it had not yet."""
        before = {one.pid: self.handled_by(one.pid) for one in self._fleet}
        await until(lambda: all(self.handled_by(pid) > then for pid, then in before.items()), f"one of {before} rests")

    async def all_counted(self) -> None:
        """Wait until the documents say what was told, each fact once and in its order."""
        database = await Database.connect(SecretStr(self.stack.database_url()), self.name)
        end = time.monotonic() + 60
        while True:
            lamps = await database.collection("lamps").find({}, limit=1_000)
            found = {lamp["_id"]: lamp["watts"] for lamp in lamps}
            if found == self.told:
                break
            assert time.monotonic() < end, [(id, found.get(id), told) for id, told in self.told.items()]
            await asyncio.sleep(0.2)
        await database.close()

    def letters(self) -> list[Letter]:
        """What waits for a person, of this story."""
        with desk(self.stack) as found:
            return [letter for letter in found.waiting(SERVICE) if (letter.source or "").startswith(self.name)]

    def replay(self, letters: list[Letter]) -> None:
        with desk(self.stack) as found:
            found.replay(letters)


@contextmanager
def desk(stack: Stack) -> Iterator[Desk]:
    """Dead letters, as an operator has them before him."""
    log = KafkaLog(stack.kafka_servers, stack.kafka_password(), kafka_contents.MECHANISM)
    try:
        yield Desk(log, "test", lambda: datetime.now(UTC))
    finally:
        log.close()


@pytest.fixture
async def rollout(infrastructure: Stack, tmp_path: Path) -> AsyncIterator[Rollout]:
    """A story of its own, whose processes end with it."""
    settings = ServiceSettings(
        kafka_servers=infrastructure.kafka_servers,
        kafka_user="identity",
        kafka_password=infrastructure.kafka_password("identity"),
    )
    publisher = await KafkaPublisher.open(settings, "versions")
    found = Rollout(infrastructure, tmp_path, publisher)
    yield found
    await found.end()
    await publisher.close()


async def until(holds: Callable[[], bool], otherwise: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, otherwise
        await asyncio.sleep(0.05)


async def test_readers_move_one_by_one_and_the_publisher_switches_and_switches_back(rollout: Rollout) -> None:
    async with rollout.telling():
        first, second = await rollout.join(1), await rollout.join(1)
        moved = await rollout.join(2)
        await rollout.reads_on()  # both kinds, side by side
        await rollout.leave(first)
        await rollout.leave(second, signal.SIGKILL)
        other = await rollout.join(2)

        rollout.version = 2
        await rollout.reads_on()
        await rollout.leave(moved, signal.SIGKILL)
        await rollout.join(2)
        await rollout.reads_on()

        rollout.version = 1  # the publisher's new version was no good
        await rollout.reads_on()
        await rollout.leave(other)
        await rollout.reads_on()
    await rollout.all_counted()
    assert rollout.letters() == []


async def test_who_switches_before_the_readers_have_moved_loses_nothing(rollout: Rollout) -> None:
    """What the old do not know waits for a person; what follows of the same lamp waits behind it."""
    async with rollout.telling():
        old = await rollout.join(1)
        await rollout.reads_on()
        rollout.version = 2
        await until(lambda: len(rollout.letters()) == SOURCES, "not every lamp has a dead letter")
        rollout.version = 1
        await asyncio.sleep(1)
        letters = rollout.letters()
    assert {letter.source for letter in letters} == rollout.told.keys()
    await rollout.leave(old)
    moving = asyncio.create_task(rollout.join(2))
    rollout.replay(letters)
    await moving
    await rollout.all_counted()
    assert rollout.letters() == []
