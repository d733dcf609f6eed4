"""A disk without space: writes are refused cleanly, nothing is half written, and space alone heals it.

The processes are forbidden to make any file longer (RLIMIT_FSIZE): every write to the disk fails then, on any machine
and without rights, however often the process is started again.
"""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

from chassis.ids import uuid7
from chassis.testing import counting
from chassis.testing.example import TENANT
from rathaus.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.proves("F21")]

BASE = f"/api/forms/v1/{TENANT}"
FULL = 1


@contextlib.asynccontextmanager
async def full_disk(pid: Callable[[], int | None]) -> AsyncIterator[None]:
    """Let no write of a process reach the disk, whichever process it is by now."""

    async def forbid() -> None:
        while True:
            _limit(pid(), FULL)
            await asyncio.sleep(0.02)

    _limit(pid(), FULL)
    forbidding = asyncio.create_task(forbid())
    try:
        yield
    finally:
        forbidding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await forbidding
        _limit(pid(), resource.RLIM_INFINITY)


def _limit(pid: int | None, longest: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if pid is not None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (longest, resource.RLIM_INFINITY))


@pytest.fixture
async def service(infrastructure: Stack, tmp_path: Path) -> AsyncIterator[counting.Running]:
    environment = {
        **infrastructure.service_environment("forms"),
        "RATHAUS_BLOBS_URL": f"file://{tmp_path / 'blobs'}",
        "OTEL_TRACES_EXPORTER": "none",
    }
    async with counting.running(environment, infrastructure.ports.of("forms"), tmp_path / "log") as found:
        yield found


async def count(service: counting.Running) -> httpx.Response:
    return await service.client.post(f"{BASE}/counters", headers={"idempotency-key": uuid7()})


async def until_counted(service: counting.Running) -> str:
    async with asyncio.timeout(90):
        while (answer := await count(service)).status_code != 201:
            refused(answer)
            await asyncio.sleep(0.2)
    return str(answer.json()["id"])


async def until_healthy(service: counting.Running) -> None:
    """Wait until the service itself says that all it works with is well; nobody publishes a token key here."""
    async with asyncio.timeout(90):
        while True:
            checks = (await service.client.get("/ready")).json()["checks"]
            if {name for name, check in checks.items() if not check["ok"]} <= {"token-key"}:
                return
            await asyncio.sleep(0.2)


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_full_disk_under_the_database_refuses_and_heals(
    infrastructure: Stack, service: counting.Running
) -> None:
    accepted = [await until_counted(service) for _ in range(20)]
    async with full_disk(lambda: infrastructure.pid("database")):
        starts = infrastructure.starts("database")
        answers = [await count(service) for _ in range(6)]
        for answer in answers:
            refused(answer)
        assert (await service.client.get("/health")).status_code == 200
        assert infrastructure.starts("database") - starts < 10, "it is started again with pauses"
    accepted.append(await until_counted(service))
    for id in accepted:
        assert (await service.client.get(f"{BASE}/counters/{id}")).json() == {"count": 1}
    await until_healthy(service)
    assert service.process.returncode is None
    assert '"status": 500' not in service.log.read_text()
    assert "request failed" not in service.log.read_text()


async def test_a_full_disk_under_kafka_stops_nobody_and_what_waited_is_published(
    infrastructure: Stack, service: counting.Running
) -> None:
    await until_counted(service)
    async with full_disk(lambda: infrastructure.pid("kafka")):
        accepted = {await until_counted(service) for _ in range(20)}
        assert accepted <= await asyncio.to_thread(waiting, infrastructure)
    async with asyncio.timeout(90):
        while accepted & await asyncio.to_thread(waiting, infrastructure):
            await asyncio.sleep(0.2)
    await asyncio.to_thread(infrastructure.wait_ready, "kafka")
    await until_healthy(service)
    assert service.process.returncode is None


async def test_a_full_disk_under_the_files_leaves_no_part_of_one(service: counting.Running, tmp_path: Path) -> None:
    path, content = f"{BASE}/files/{uuid7()}", b"x" * 500_000
    async with full_disk(lambda: service.process.pid):
        refused(await service.client.put(path, content=content))
    assert [file for file in (tmp_path / "blobs").rglob("*") if file.is_file()] == []
    assert (await service.client.put(path, content=content)).status_code == 204
    (whole,) = [file for file in (tmp_path / "blobs").rglob("*") if file.is_file()]
    assert whole.stat().st_size > len(content)


def waiting(stack: Stack) -> set[str]:
    """Return the counters whose events are not published yet."""
    with MongoClient[dict[str, object]](stack.database_url("forms")) as client:
        return {str(found["_id"]) for found in client.forms.counting.find({"due": {"$exists": True}}, {"_id": 1})}
