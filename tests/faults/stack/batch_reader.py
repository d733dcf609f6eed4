"""A reader in a process of its own, so that it can be killed: it notes that it handles an event, then takes it.

``python batch_reader.py <topic> <database> <file>``; Kafka and the database's address come as for every service.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.aggregates import Aggregates
from chassis.broker import Bus
from chassis.clock import SystemClock
from chassis.documents import Database, Document
from chassis.settings import ServiceSettings
from contracts.envelope import Envelope
from contracts.forms import ApplicationStatusChanged
from contracts.identity import AccountLinked

SERVICE = "osi-gateway"
HANDLED: dict[str, Any] = {"identity.accounts": AccountLinked, "forms.applications": ApplicationStatusChanged}


@dataclass(frozen=True)
class Taken:
    """The numbers of a source's events, as they took effect."""

    numbers: tuple[int, ...] = ()


class TakenCodec:
    """As a list."""

    schema_version = 1

    def dump(self, state: Taken) -> Document:
        return {"numbers": list(state.numbers)}

    def load(self, document: Document) -> Taken:
        return Taken(tuple(document["numbers"]))


def add_reader(bus: Bus, topic: str, database: Database, file: Path) -> None:
    """Let a bus take the events of sources that are named for a database of their own."""
    targets: Aggregates[Taken, Any] = Aggregates(
        database.collection("taken"), TakenCodec(), lambda state, fact: (), service=SERVICE, clock=SystemClock()
    )
    notes = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def take(event: Any, envelope: Envelope) -> None:
        if envelope.subject.startswith(database.name):  # other tests share the topic
            os.write(notes, f"{envelope.subject} {envelope.sequence}\n".encode())
            number = envelope.sequence
            await targets.absorb(
                envelope.subject, envelope, lambda state: (Taken((*(state or Taken()).numbers, number)), ())
            )

    bus.add(topic, {HANDLED[topic]: take})


async def _read(topic: str, name: str, file: Path) -> None:
    settings = ServiceSettings()
    database = await Database.connect(settings.database_url, name)
    bus = Bus(settings, SERVICE, database, SystemClock())
    add_reader(bus, topic, database, file)
    await bus.start(consumers=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_read(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
