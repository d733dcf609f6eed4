"""A whole service as a process, as small as can be: ``python -m chassis.testing.counting``, in the place of forms.

A command makes or changes a counter: one write with one event, as a real service's commands do. For tests and
measurements of what the chassis gives every service; its settings are those of any service.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Request, Response

from chassis.aggregates import Aggregates, Key
from chassis.blobs import Blobs, new_key
from chassis.http import CheckedRoute, Id, PublicCommandKey, Tenant, provided
from chassis.process import Context, Parts, run
from chassis.settings import ServiceSettings
from chassis.testing.example import CounterCodec, count_up, publish, start

Made = Annotated[Aggregates[Any, Any], provided(Aggregates)]

COLLECTION = "counting"
router = APIRouter(prefix="/api/forms/v1/{ars}", route_class=CheckedRoute)


@router.post("/counters", operation_id="count", response_model=dict[str, str], status_code=201)
async def count(tenant: Tenant, made: Made, key: PublicCommandKey) -> dict[str, str]:
    """Make a counter."""
    done = await made.create(tenant, Key(tenant, key.value, key.digest), lambda id: start(), lambda state: {})
    return {"id": done.id}


@router.post("/counters/{id}/more", operation_id="countMore", response_model=dict[str, int])
async def count_more(tenant: Tenant, id: Id, made: Made, key: PublicCommandKey) -> dict[str, int]:
    """Count one more."""
    done = await made.command(tenant, id, Key(tenant, key.value, key.digest), count_up)
    return {"count": done.state.count}


@router.get("/counters/{id}", operation_id="read", response_model=dict[str, int])
async def read(tenant: Tenant, id: Id, made: Made) -> dict[str, int]:
    """Read a counter."""
    return {"count": (await made.load(tenant, id)).state.count}


@router.put("/files/{id}", operation_id="store", status_code=204, response_class=Response)
async def store(request: Request, tenant: Tenant, id: Id, blobs: Annotated[Blobs, provided(Blobs)]) -> Response:
    """Store a file."""
    await blobs.write(f"{tenant}/{id}", await request.body(), new_key())
    return Response(status_code=204)


async def wire(context: Context[ServiceSettings]) -> Parts:
    """Wire the service."""
    documents = context.database.collection(COLLECTION)
    made = Aggregates(documents, CounterCodec(), publish, service="forms", clock=context.clock, kick=context.kick)
    await made.ensure()
    provides: list[object] = [made] if context.settings.blobs_url is None else [made, context.blobs]
    return Parts(routers=[router], provides=provides, aggregates=[made])


@dataclass
class Running:
    """The service as a process."""

    process: asyncio.subprocess.Process
    port: int
    log: Path
    client: httpx.AsyncClient

    @property
    def memory(self) -> int:
        """Resident memory in bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def running(environment: Mapping[str, str], port: int, log: Path) -> AsyncIterator[Running]:
    """Run the service with a service's environment on a port; it answers when this is entered, and is killed after.

    Raises:
        TimeoutError: it did not answer within a minute.
        RuntimeError: it ended instead.
    """
    given = {"PATH": os.environ["PATH"], **environment, "RATHAUS_HTTP_PORT": str(port), "RATHAUS_LOG_LEVEL": "WARNING"}
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, env=given, stdout=written, stderr=written
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await _answers(client, process)
            yield Running(process, port, log, client)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _answers(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while process.returncode is None:
            try:
                await client.get("/health")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise RuntimeError(f"the service ended with {process.returncode}")


if __name__ == "__main__":
    run("forms", ServiceSettings, wire)
