"""A large collection gets a new index: its build may take longer than anything else that a service asks for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from wires import Wire

import chassis.builds
import chassis.documents
from chassis.documents import Database, DatabaseUnavailable, Documents, Duplicate, Index
from chassis.ids import uuid7
from rathaus.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.proves("F78")]

MANY = 3000
"""Documents; an index over them takes the embedded database half a second and more."""
NEVER = 3600.0
TOLD = "an index is being built"


@pytest.fixture
def wire(infrastructure: Stack) -> Iterator[Wire]:
    with Wire(infrastructure.ports.database) as found:
        yield found


@pytest.fixture
async def documents(infrastructure: Stack, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Documents]:
    """Many, in a database whose answers are waited for a tenth of a second at most, but for an index's."""
    url, name = infrastructure.database_url(), f"test_{uuid7()[-12:]}"
    with MongoClient[dict[str, Any]](url) as beside:
        beside[name]["things"].insert_many([{"_id": str(n), "n": n, "half": n // 2} for n in range(MANY)])
    monkeypatch.setattr(chassis.documents, "_ANSWER_MS", 100)
    monkeypatch.setattr(chassis.builds, "_LONG", 0.05)
    url = url.replace(str(wire.target), str(wire.port)) + "&directConnection=true"
    database = await Database.connect(SecretStr(url), name)
    try:
        yield database.collection("things")
    finally:
        await database.close()


async def test_the_build_of_an_index_has_a_limit_of_its_own(
    documents: Documents, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(chassis.documents, "_ASK_AGAIN", NEVER)
    async with asyncio.timeout(60):
        await documents.ensure([Index((("n", 1),), "number")])
    told = [vars(record)["fields"]["index"] for record in caplog.records if record.getMessage() == TOLD]
    assert set(told) == {"things.number"}


async def test_an_index_is_built_though_its_connection_is_lost(
    documents: Documents, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    building = asyncio.create_task(documents.ensure([Index((("n", 1),), "number", unique=True)]))
    while not any(record.getMessage() == TOLD for record in caplog.records):
        await asyncio.sleep(0.01)
    wire.cut()
    wire.heal()
    await building
    with pytest.raises(Duplicate):
        await documents.insert({"_id": "x", "n": 1})


async def test_an_index_that_cannot_be_is_refused_at_once(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chassis.documents, "_ASK_AGAIN", NEVER)
    await documents.ensure([Index((("none", 1),), "number", sparse=True)])
    with pytest.raises(DatabaseUnavailable, match="OperationFailure"):
        async with asyncio.timeout(60):
            await documents.ensure([Index((("other", 1),), "number", sparse=True)])
