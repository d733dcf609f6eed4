"""A reader that reads a million events: ``python -m frame.steady EVENTS`` tells again and again what memory it has.

It is the real reading with everything but Kafka and the database: batches as the bus hands them over, envelope,
contract, places in memory for a fixed number of sources, a handler, spans.
"""

import asyncio
import gc
import itertools
import json
import sys
from pathlib import Path
from typing import Final

from chassis import tracing
from chassis.broker import MOST_AT_ONCE
from chassis.clock import SystemClock
from chassis.ids import uuid7
from chassis.places import Places
from chassis.reader import Reader
from chassis.records import Record
from chassis.testing.clock import START
from chassis.testing.example import TENANT
from contracts.envelope import Envelope, headers_of
from contracts.forms import ApplicationStatusChanged
from contracts.topics import TOPICS
from frame.places import InMemory
from publishing import publish_one

SOURCES: Final = 100
LOOKS: Final = 40
"""How often the memory is looked at, at equal distances."""
_TOPIC: Final = TOPICS["forms.applications"]


async def main(events: int) -> None:
    """Read them and print the memory at each look, in bytes."""
    tracing.setup("bench")
    handled = itertools.count()

    async def handle(event: ApplicationStatusChanged, envelope: Envelope) -> None:
        next(handled)

    async def bury(record: Record, group: str, reason: Exception, tries: int) -> None:
        raise reason

    places = Places(InMemory(), "steady", forgets=False, clock=SystemClock())
    reader = Reader(_TOPIC, "steady", {ApplicationStatusChanged: handle}, places, bury)
    sources, body = [uuid7() for _ in range(SOURCES)], publish_one()["body"]
    seen = []
    for look in range(LOOKS):
        for first in range(look * events // LOOKS, (look + 1) * events // LOOKS, MOST_AT_ONCE):
            last = min(first + MOST_AT_ONCE, (look + 1) * events // LOOKS)
            rest = await reader.take_many([_record(number, sources, body) for number in range(first, last)])
            if rest.records:
                raise RuntimeError(f"{len(rest.records)} of {last} were not read: {rest.reason!r}")
        gc.collect()
        seen.append(_memory())
    if next(handled) != events:
        raise RuntimeError(f"not all {events} were handled")
    print(json.dumps(seen))


def _record(number: int, sources: list[str], body: bytes) -> Record:
    source = sources[number % SOURCES]
    trace = f"00-{number + 1:032x}-{number + 1:016x}-01"
    envelope = Envelope(uuid7(), ApplicationStatusChanged.type, TENANT, source, number // SOURCES + 1, START, trace)
    return Record(_TOPIC.name, 0, number, source.encode(), body, tuple(headers_of(envelope)))


def _memory() -> int:
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmRSS:"))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
