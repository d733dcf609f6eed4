"""Peers that take a connection and never answer: every client lets go by itself and says that it may be tried again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage

import httpx
import pytest
from wires import HOST, Wire

import identity.links.client
import notify.messages.client
import osi_gateway.exchange.client
from chassis.documents import Database, DatabaseUnavailable
from chassis.errors import Transient
from chassis.inbox import NotSent
from chassis.kafka import BrokerUnavailable, KafkaProbe, KafkaPublisher
from chassis.settings import ServiceSettings

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
