"""The command that rebuilds a read model, over real Kafka and the real database."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from chassis.documents import Database, Document
from chassis.ids import uuid7
from chassis.kafka import KafkaPublisher
from chassis.settings import ServiceSettings
from chassis.testing.clock import START
from chassis.testing.example import TENANT
from contracts.envelope import Envelope, headers_of
from contracts.identity import AccountErased, ContactChanged
from rathaus.rebuilding import rebuild
from rathaus.stack.ports import Ports
from rathaus.stack.stack import Stack

READING = ("v", "src", "trace")
"""What a document says of how it was read: the order between two topics and the trace are no part of the log."""

pytestmark = pytest.mark.stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Kafka and database of its own: in the shared ones other tests leave records that nobody can read."""
    with Stack(tmp_path, Ports.free(), parts=("database", "kafka")) as stack:
        yield stack


async def publish(stack: Stack, events: Sequence[tuple[str, int, ContactChanged | AccountErased]]) -> None:
    settings = ServiceSettings(
        kafka_servers=stack.kafka_servers, kafka_user="identity", kafka_password=stack.kafka_password("identity")
    )
    publisher = await KafkaPublisher.open(settings, "test")
    for account, number, event in events:
        envelope = Envelope(f"{account}-{number}-{event.type}", event.type, TENANT, account, number, START)
        body = event.model_dump_json().encode()
        await (await publisher.send(event.topic, account, body, headers_of(envelope)))
    await publisher.close()


async def contacts(stack: Stack, run: str, *, drop: bool = False) -> list[Document]:
    database = await Database.connect(SecretStr(stack.database_url()), "notify")
    found = await database.collection("contacts").find({"_id": {"$regex": f"^{run}"}}, sort=(("_id", 1),), limit=100)
    if drop:
        await database.drop("contacts")
    await database.close()
    return [{name: value for name, value in contact.items() if name not in READING} for contact in found]


@pytest.mark.timeout(300)
@pytest.mark.proves("PL-08")
async def test_a_lost_read_model_comes_back_by_one_command(stack: Stack) -> None:
    run = uuid7()
    events: list[tuple[str, int, ContactChanged | AccountErased]] = []
    for at in range(20):
        account = f"{run}-{at:02}"
        for number in range(1, 2 + at % 3):
            email = f"{at}.{number}@example.org"
            events.append((account, number, ContactChanged(occurred_at=START, account_id=account, email=email)))
        if at % 5 == 0:
            events.append((account, 1, AccountErased(occurred_at=START, account_id=account)))
    await publish(stack, events)
    made = []
    for _ in range(2):
        done = await asyncio.to_thread(rebuild, stack.place, "notify", "contacts", capture=True)
        assert done.returncode == 0, done.stderr
        assert " documents of " in done.stdout
        made.append(await contacts(stack, run, drop=True))
    assert made[0] == made[1]
    expected = [None if at % 5 == 0 else f"{at}.{1 + at % 3}@example.org" for at in range(20)]
    assert [contact["email"] for contact in made[0]] == expected
    refused = await asyncio.to_thread(rebuild, stack.place, "notify", "messages", capture=True)
    assert (refused.returncode, "those are: contacts" in refused.stderr) == (1, True)
