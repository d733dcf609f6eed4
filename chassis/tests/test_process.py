"""One process: it waits for what it needs, tells the truth about itself, and stops in order."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from joserfc.jwk import ECKey

from contracts.envelope import Envelope, headers_of
from contracts.identity import TokenKeyPublished
from rathaus.stack import Stack

REPOSITORY = Path(__file__).parents[2]
STREAM = "/api/forms/v1/150900546546/stream"

SERVICE = """
import asyncio
import gc
import sys
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from typing import Annotated
from chassis.aggregates import Aggregates, Key
from chassis.http import CheckedRoute, Tenant, provided
from chassis.process import Context, Parts, run
from chassis.settings import ServiceSettings
from chassis.testing.example import counters, start

router = APIRouter(prefix="/api/forms/v1/{ars}", route_class=CheckedRoute)

@router.get("/stream", operation_id="stream", response_class=StreamingResponse)
async def stream(tenant: Tenant, context: Annotated[Context, provided(Context)]) -> StreamingResponse:
    async def lines():
        yield "data: begun\\n\\n"
        await context.stopping.wait()
        yield "data: ended\\n\\n"
    return StreamingResponse(lines(), media_type="text/event-stream")

@router.post("/counters", operation_id="count", response_model=dict[str, str], status_code=201)
async def count(tenant: Tenant, made: Annotated[Aggregates, provided(Aggregates)]) -> dict[str, str]:
    from chassis.ids import uuid7
    done = await made.create(tenant, Key("a", uuid7(), "d"), lambda id: start(), lambda state: {})
    return {"id": done.id}

@router.get("/halts", operation_id="halts", response_model=dict[str, float])
async def halts(tenant: Tenant) -> dict[str, float]:
    seen = len(gc.get_objects())
    return {"collected": seen / (seen + gc.get_freeze_count()), "switch": sys.getswitchinterval()}

async def wire(context):
    made = counters(context.database.collection("process_counters"), context.clock)
    await made.ensure()
    context.stack.push_async_callback(asyncio.sleep, 0)
    return Parts(routers=[router], provides=[made], aggregates=[made])

run("forms", ServiceSettings, wire)
"""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@dataclass
class Running:
    """A service as a process."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient

    async def ready(self) -> dict[str, Any]:
        """Return what /ready says, once it says anything."""
        async with asyncio.timeout(30):
            while True:
                try:
                    body: dict[str, Any] = (await self.client.get("/ready")).json()
                except httpx.TransportError:
                    assert self.process.returncode is None, await self.output()
                    await asyncio.sleep(0.1)
                else:
                    return body

    async def until(self, name: str, ok: bool) -> dict[str, Any]:
        """Wait until a check is as it should be; return all checks."""
        async with asyncio.timeout(30):
            while True:
                checks: dict[str, Any] = (await self.ready())["checks"]
                if name in checks and checks[name]["ok"] is ok:
                    return checks
                await asyncio.sleep(0.1)

    async def stop(self) -> tuple[int, float]:
        """Ask it to stop; the exit code and the seconds it took."""
        begun = asyncio.get_running_loop().time()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            code = await self.process.wait()
        return code, asyncio.get_running_loop().time() - begun

    async def output(self) -> str:
        """Return what it wrote."""
        assert self.process.stdout is not None
        return (await self.process.stdout.read()).decode()


@contextlib.asynccontextmanager
async def _service(
    folder: Path, environment: dict[str, str], *arguments: str, before: str = ""
) -> AsyncIterator[Running]:
    program = folder / "small_service.py"
    program.write_text(before + SERVICE, "utf-8")
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        "--port",
        str(port),
        *arguments,
        env={"PATH": os.environ["PATH"], "RATHAUS_MUNICIPALITIES": str(REPOSITORY / "municipalities"), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            yield Running(process, client)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _environment(stack: Stack) -> dict[str, str]:
    return {
        "RATHAUS_KAFKA_SERVERS": stack.kafka_servers,
        "RATHAUS_KAFKA_USER": "forms",
        "RATHAUS_KAFKA_PASSWORD": stack.kafka_password("forms"),
        "RATHAUS_DATABASE_URL": stack.database_url("forms"),
        "RATHAUS_DATABASE_NAME": "forms",
    }


async def _publish_key(stack: Stack) -> None:
    key = ECKey.generate_key("P-256")
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    now = datetime.now(UTC)
    event = TokenKeyPublished(occurred_at=now, kid=key.thumbprint(), jwk=public)
    envelope = Envelope(key.thumbprint(), event.type, "000000000000", event.kid, 1, now)
    producer = AIOKafkaProducer(
        bootstrap_servers=stack.kafka_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username="identity",
        sasl_plain_password=stack.kafka_password("identity"),
    )
    async with producer:
        await producer.send_and_wait(
            event.topic, event.model_dump_json().encode(), event.kid.encode(), headers=headers_of(envelope)
        )


CUT_OFF = 15
"""Seconds after which a stop cuts off what is still open: whatever ends sooner has ended by itself."""


@pytest.mark.stack
async def test_it_is_ready_with_the_first_key_and_stops_with_a_stream_open(
    infrastructure: Stack, tmp_path: Path
) -> None:
    environment = {**_environment(infrastructure), "RATHAUS_GRACEFUL_TIMEOUT": str(CUT_OFF)}
    async with _service(tmp_path, environment) as running:
        first = (await running.ready())["checks"]
        assert {"database", "clock", "token-key", "kafka", "relay", "relay-task", "clock-task"} <= set(first)
        await _publish_key(infrastructure)
        checks = await running.until("token-key", ok=True)
        assert [name for name, check in checks.items() if not check["ok"]] == []
        assert (await running.client.get("/ready")).status_code == 200
        assert (await running.client.post("/api/forms/v1/150900546546/counters")).status_code == 201
        assert (await running.client.post("/api/forms/v1/150900546547/counters")).status_code == 404
        async with running.client.stream("GET", STREAM) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "data: begun"
            stopping = asyncio.create_task(running.stop())
            rest = [line async for line in lines]
            assert "data: ended" in rest
        code, seconds = await stopping
        output = await running.output()
        assert code == 0, output
        assert seconds < CUT_OFF, output
        logged = [json.loads(line) for line in output.splitlines()]
        # Libraries say nothing of what goes well.
        assert [line["message"] for line in logged if "aiokafka" not in line["logger"]] == [
            "started",
            "stopped",
        ]
        assert infrastructure.kafka_password("forms") not in output


@pytest.mark.stack
@pytest.mark.proves("P9")
async def test_nothing_halts_it_for_long(infrastructure: Stack, tmp_path: Path) -> None:
    async with _service(tmp_path, _environment(infrastructure)) as running:
        await running.ready()
        halts = (await running.client.get(STREAM.replace("stream", "halts"))).json()
    assert halts["collected"] < 0.2, "a full collection looks at what is new only"
    assert halts["switch"] < 0.002, "no thread keeps the loop waiting for as long as Python lets it"


@pytest.mark.stack
async def test_readiness_follows_the_database(infrastructure: Stack, tmp_path: Path) -> None:
    async with _service(tmp_path, _environment(infrastructure)) as running:
        await running.until("database", ok=True)
        infrastructure.kill("database", signal.SIGSTOP)
        try:
            await running.until("database", ok=False)
            assert (await running.client.get("/health")).status_code == 200
        finally:
            infrastructure.kill("database", signal.SIGCONT)
        await running.until("database", ok=True)
        assert (await running.stop())[0] == 0


WRONG_MACHINE = """
import datetime
import chassis.clock

class Wrong(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) + datetime.timedelta(hours=1)

chassis.clock.datetime = Wrong
"""


@pytest.mark.stack
@pytest.mark.proves("F71")
async def test_a_process_on_a_machine_that_is_an_hour_off_is_not_ready(infrastructure: Stack, tmp_path: Path) -> None:
    async with _service(tmp_path, _environment(infrastructure), before=WRONG_MACHINE) as running:
        clock = (await running.until("clock", ok=False))["clock"]
        off = float(clock["reason"].removeprefix("the clock is ").partition(" ")[0])
        assert abs(off + 3600) < 1, clock  # a busy machine is slow to answer
        assert (await running.client.get("/ready")).status_code == 503
        assert (await running.stop())[0] == 0


@pytest.mark.stack
async def test_a_process_without_the_role_api_serves_health_only(infrastructure: Stack, tmp_path: Path) -> None:
    async with _service(tmp_path, _environment(infrastructure), "--roles", "relay") as running:
        checks = (await running.ready())["checks"]
        assert "relay" in checks
        assert (await running.client.get(STREAM)).status_code == 404
        assert (await running.stop())[0] == 0


async def test_it_waits_for_the_database_and_then_says_what_was_missing(tmp_path: Path) -> None:
    nowhere = {"RATHAUS_DATABASE_URL": f"mongodb://127.0.0.1:{_free_port()}", "RATHAUS_START_TIMEOUT": "3"}
    async with _service(tmp_path, nowhere) as running:
        async with asyncio.timeout(20):
            code = await running.process.wait()
        output = await running.output()
        assert code == 3, output
        waited, failed = map(json.loads, output.splitlines())
        assert waited["message"] == "waiting"
        assert failed["fields"] == {"reason": "no database within 3 s (DatabaseUnavailable)"}
        assert "error" not in failed, "nobody needs the places in the code where it waited"


async def test_it_can_be_stopped_while_it_waits(tmp_path: Path) -> None:
    nowhere = {"RATHAUS_DATABASE_URL": f"mongodb://127.0.0.1:{_free_port()}"}
    async with _service(tmp_path, nowhere) as running:
        assert running.process.stdout is not None
        async with asyncio.timeout(20):
            while b'"waiting"' not in await running.process.stdout.readline():
                pass
        code, seconds = await running.stop()
        output = await running.output()
        assert code == 3, output
        assert seconds < 5
        assert [(line["level"], line["message"]) for line in map(json.loads, output.splitlines())] == [
            ("INFO", "stopped while starting")
        ]


LARGE_COLLECTION = """
import asyncio
import os
import chassis.builds
import chassis.documents
from motor.motor_asyncio import AsyncIOMotorCollection

chassis.builds._LONG = 0.1
build = AsyncIOMotorCollection.create_index

async def slowly(self, keys, **how):
    while not os.path.exists(os.environ["BUILT"]):
        await asyncio.sleep(0.02)
    return await build(self, keys, **how)

AsyncIOMotorCollection.create_index = slowly
"""


@pytest.mark.stack
@pytest.mark.proves("F78")
async def test_while_an_index_is_built_it_says_so_and_opens_afterwards(infrastructure: Stack, tmp_path: Path) -> None:
    built = tmp_path / "built"
    environment = {**_environment(infrastructure), "BUILT": str(built)}
    async with _service(tmp_path, environment, before=LARGE_COLLECTION) as running:
        body = await running.ready()
        assert body["ready"] is False
        assert body["checks"]["start"]["reason"].endswith("is built: process_counters.relay")
        assert (await running.client.get("/health")).status_code == 200
        refused = await running.client.post("/api/forms/v1/150900546546/counters")
        assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (503, True)
        built.touch()
        checks = await running.until("database", ok=True)
        assert "start" not in checks
        assert (await running.client.post("/api/forms/v1/150900546546/counters")).status_code == 201
        assert (await running.stop())[0] == 0
        assert "an index is being built" in await running.output()


@pytest.mark.stack
@pytest.mark.proves("F78")
async def test_it_can_be_stopped_while_an_index_is_built(infrastructure: Stack, tmp_path: Path) -> None:
    environment = {**_environment(infrastructure), "BUILT": str(tmp_path / "never")}
    async with _service(tmp_path, environment, before=LARGE_COLLECTION) as running:
        await running.ready()
        code, seconds = await running.stop()
        assert code == 3, await running.output()
        assert seconds < 5


async def test_wrong_settings_are_one_sentence_without_secrets(tmp_path: Path) -> None:
    wrong = {"RATHAUS_HTTP_PORT": "x", "RATHAUS_VAULT_KEY": "very-secret"}
    async with _service(tmp_path, wrong, "--roles", "api,cook") as running:
        async with asyncio.timeout(20):
            assert await running.process.wait() == 2
        output = await running.output()
        assert "roles" in output
        assert len(output.splitlines()) == 1
        assert "very-secret" not in output
