"""The parts of the town that a measurement runs on: real ones, on free ports, in a folder that goes away."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import SecretStr
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from chassis.documents import Database
from rathaus.stack.ports import Ports
from rathaus.stack.stack import Report, Stack

ACKNOWLEDGED: Final = WriteConcern(w="majority", j=True)


def _silent(name: str, event: str, seconds: float) -> None:
    pass


@contextmanager
def town(*parts: str, report: Report = _silent) -> Iterator[Stack]:
    """Run these parts of the embedded stack, e.g. ``database``; all where none is named."""
    with (
        tempfile.TemporaryDirectory(prefix="rathaus-bench-") as folder,
        Stack(Path(folder), Ports.free(), parts=parts or None, report=report) as stack,
    ):
        yield stack


@dataclass(frozen=True)
class Both:
    """One database through our code, and the same one through the raw driver with the same write concern."""

    url: str
    ours: Database
    raw: Any

    def collection(self, name: str) -> Any:
        """Return a collection of the raw driver."""
        return self.raw.get_collection(name, write_concern=ACKNOWLEDGED, read_concern=ReadConcern("majority"))


@asynccontextmanager
async def database(name: str = "bench") -> AsyncIterator[Both]:
    """A database of its own."""
    with town("database") as stack:
        async with opened(stack.database_url(), name) as both:
            yield both


@asynccontextmanager
async def opened(url: str, name: str = "bench") -> AsyncIterator[Both]:
    """Sign in to a database that runs."""
    ours = await Database.connect(SecretStr(url), name)
    client: Any = AsyncIOMotorClient(url, maxPoolSize=64, tz_aware=True)
    try:
        yield Both(url, ours, client[name])
    finally:
        client.close()
        await ours.close()
