"""Peers that take a connection and never answer: every client lets go by itself and says that it may be tried again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from inside import rewire
from office import publish_key
from wires import HOST, Wire

import chassis.broker
import identity.links.client
import notify.messages.client
import osi_gateway.exchange.client
from chassis.broker import Bus, Envelope
from chassis.clock import SystemClock
from chassis.documents import Database, DatabaseUnavailable
from chassis.errors import Transient
from chassis.inbox import NotSent
from chassis.kafka import BrokerUnavailable, KafkaProbe, KafkaPublisher
from chassis.settings import ServiceSettings
from chassis.testing import MemoryDatabase
from chassis.testing.service import Signer
from contracts.identity import TokenKeyPublished
from rathaus.stack.stack import Stack

pytestmark = pytest.mark.proves("F20")


@pytest.fixture
async def silent() -> AsyncIterator[Wire]:
    """Nobody is behind it, and nobody says so. All have hung up at the end."""
    with Wire(1) as wire:
        wire.silence()
        yield wire
        async with asyncio.timeout(10):
            while wire.connections:
                await asyncio.sleep(0.01)


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "town@example.org", "mia@example.org", "x"
    return message


async def lets_go(call: Callable[[], Awaitable[object]], kind: type[Exception], within: float) -> None:
    tasks, began = len(asyncio.all_tasks()), time.monotonic()
    with pytest.raises(kind):
        await call()
    assert time.monotonic() - began < within + 5
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.01)


async def test_the_mail_server(silent: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify.messages.client, "TIMEOUT", 0.3)
    server = notify.messages.client.MailServer(HOST, silent.port)
    await lets_go(lambda: server.send(mail()), NotSent, 1)


async def test_the_exchange(silent: Wire) -> None:
    limit = osi_gateway.exchange.client.TIMEOUT
    assert None not in (limit.connect, limit.read, limit.write, limit.pool)
    async with osi_gateway.exchange.client.open_http("https://town.example") as http:
        http.timeout = httpx.Timeout(0.3)
        url = f"http://{HOST}:{silent.port}/"
        await lets_go(lambda: osi_gateway.exchange.client.send(http, "x", "GET", url), Transient, 1)


async def test_the_landeskonto(silent: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity.links.client, "SECONDS", 0.3)
    landeskonto = identity.links.client.Landeskonto(f"http://{HOST}:{silent.port}", "client", "secret")
    await lets_go(landeskonto.ready, identity.links.client.LandeskontoUnavailable, 1)
    await landeskonto._http.aclose()


async def test_kafka(silent: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chassis.kafka._OPEN_TIMEOUT", 0.5)
    settings = ServiceSettings(kafka_servers=f"{HOST}:{silent.port}")
    await lets_go(lambda: KafkaPublisher.open(settings, "test"), BrokerUnavailable, 1)
    probe = KafkaProbe(settings, "test")
    assert "Kafka does not answer" in (await probe.check() or "")


async def test_the_database(silent: Wire) -> None:
    url = ServiceSettings.model_validate({"database_url": f"mongodb://{HOST}:{silent.port}"}).database_url
    await lets_go(lambda: Database.connect(url, "test"), DatabaseUnavailable, 2)


def partitions(reader: Bus) -> int:
    (subscriber,) = reader._broker.subscribers
    consumer: Any = getattr(subscriber, "consumer", None)
    return len(consumer.assignment())


@pytest.mark.stack
@pytest.mark.prove
async def test_a_reader_without_a_partition_holds_no_silent_connection_and_reads_once_it_has_one(
    infrastructure: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks for metadata alone, and aiokafka keeps a connection on which that gets no answer."""
    monkeypatch.setattr(chassis.broker, "_REQUEST_MS", 4_000)
    monkeypatch.setattr(chassis.broker, "_METADATA_MS", 500)
    signer, seen = Signer(SystemClock()), set[str]()
    settings = ServiceSettings(
        kafka_servers=infrastructure.kafka_servers,
        kafka_user="forms",
        kafka_password=infrastructure.kafka_password("forms"),
    )

    async def note(event: TokenKeyPublished, envelope: Envelope) -> None:
        seen.add(event.kid)

    with Wire(infrastructure.ports.kafka) as wire:
        monkeypatch.setattr("socket.socket", rewire.through({wire.target: wire.port}))
        readers = [Bus(settings, "forms", MemoryDatabase(), SystemClock()) for _ in range(3)]
        try:
            for reader in readers:
                reader.add("identity.keys", {TokenKeyPublished: note})
                await reader.start(consumers=True)
            await until(lambda: sorted(map(partitions, readers)) == [0, 1, 1])  # one of the topic, one of its retry
            await asyncio.sleep(1)  # all have asked for metadata
            wire.silence()
            await until(lambda: wire.silent_connections >= len(readers))
            wire.heal()
            await until(lambda: not wire.silent_connections)
            (idle,) = [reader for reader in readers if not partitions(reader)]
            await asyncio.gather(*(reader.stop() for reader in readers if reader is not idle))
            readers = [idle]
            await publish_key(infrastructure, signer)
            await until(lambda: signer.kid in seen)
        finally:
            await asyncio.gather(*(reader.stop() for reader in readers))


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():
            await asyncio.sleep(0.05)
