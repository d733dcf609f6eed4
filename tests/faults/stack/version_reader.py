"""A reader in a process of its own that knows one version of an event, or two: a deployment that is under way.

``python version_reader.py <1|2> <database> <file>``; Kafka and the database's address come as for every service. Each
fact that it handles is a line in the file: process, source, number, brightness in watts. SIGTERM ends it in order.
"""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from chassis.aggregates import Aggregates
from chassis.broker import Bus
from chassis.clock import SystemClock
from chassis.documents import Database, Document
from chassis.settings import ServiceSettings
from contracts import Event
from contracts.envelope import Envelope
from contracts.lifting import lifts

SERVICE, TOPIC = "osi-gateway", "identity.accounts"
VERSIONS = {1: "de.digitales-rathaus.identity.lamp-lit.v1", 2: "de.digitales-rathaus.identity.lamp-lit.v2"}
WATTS = {"dim": 5, "bright": 60}
"""What the first version says in words, the second says in watts."""


@dataclass(frozen=True)
class Lit:
    """The watts of a lamp, one after the other."""

    watts: tuple[int, ...] = ()


class LitCodec:
    """As a list."""

    schema_version = 1

    def dump(self, state: Lit) -> Document:
        return {"watts": list(state.watts)}

    def load(self, document: Document) -> Lit:
        return Lit(tuple(document["watts"]))


def _known(version: int) -> type[Event]:
    """Make the classes of a deployment that knows versions up to this one; return what its handler takes."""

    class LampLit(Event):
        topic: ClassVar[str] = TOPIC
        brightness: str

    if version == 1:
        return LampLit

    class LampLitV2(Event):
        topic: ClassVar[str] = TOPIC
        watts: int

    @lifts(LampLit, LampLitV2)
    def in_watts(old: LampLit) -> LampLitV2:
        return LampLitV2(occurred_at=old.occurred_at, watts=WATTS[old.brightness])

    return LampLitV2


def _watts(version: int, event: Any) -> int:
    return WATTS[event.brightness] if version == 1 else int(event.watts)


async def _read(version: int, name: str, file: Path) -> None:
    settings = ServiceSettings()
    database = await Database.connect(settings.database_url, name)
    lamps: Aggregates[Lit, Any] = Aggregates(
        database.collection("lamps"), LitCodec(), lambda state, fact: (), service=SERVICE, clock=SystemClock()
    )
    notes = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def take(event: Any, envelope: Envelope) -> None:
        if envelope.subject.startswith(name):  # other tests share the topic
            watts = _watts(version, event)
            os.write(notes, f"{os.getpid()} {envelope.subject} {envelope.sequence} {watts}\n".encode())
            await lamps.absorb(envelope.subject, envelope, lambda lit: (Lit((*(lit or Lit()).watts, watts)), ()))

    bus = Bus(settings, SERVICE, database, SystemClock())
    bus.add(TOPIC, {_known(version): take})
    await bus.start(consumers=True)
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    await over.wait()
    await bus.stop()
    await database.close()


if __name__ == "__main__":
    asyncio.run(_read(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
