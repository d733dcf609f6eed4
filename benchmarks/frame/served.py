"""Two apps on the server that the services use, with its settings: ``python -m frame.served ours|raw PORT JWK``.

``ours`` has a route as services have them: sign-in checked, path checked, answer made from a model. ``raw`` answers
the same bytes and does nothing else.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import APIRouter, FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth import ALGORITHM, AUDIENCE, ISSUER, TOKEN_TYPE, TokenKeys
from chassis.clock import SystemClock
from chassis.http import CheckedRoute, Id, Output, SignedIn, create_app
from chassis.testing.example import TENANT
from chassis.testing.memory import MemoryDatabase
from frame.http_load import Connection, Request
from rathaus.stack.ports import Ports

ID: Final = "01a21026-0c13-70ed-9c92-cbf2c84fae09"
PATH: Final = f"/api/bench/v1/{TENANT}/things/{ID}"
_TEXT: Final = "An answer of some length, as a status page has it. " * 6
_START_SECONDS: Final = 90.0

router = APIRouter(prefix="/api/bench/v1/{ars}", route_class=CheckedRoute)


class Thing(Output):
    """What is read."""

    thing_id: str
    account: str
    text: str


@router.get("/things/{thing_id}", operation_id="read", response_model=Thing)
async def read(thing_id: Id, caller: SignedIn) -> Thing:
    """Read one thing, out of memory."""
    return Thing(thing_id=thing_id, account=caller.account, text=_TEXT)


async def raw(scope: Any, receive: Any, send: Any) -> None:
    """Answer the same, whatever is asked."""
    if scope["type"] != "http":
        return
    body = json.dumps({"thing_id": ID, "account": "account-1", "text": _TEXT}, separators=(",", ":")).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def counted(app: Any) -> Any:
    """Let an app tell at ``/cpu`` how many seconds of a processor its process has used."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/cpu":
            body = str(time.process_time()).encode()
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
            )
            await send({"type": "http.response.body", "body": body})
        else:
            await app(scope, receive, send)

    return answer


def token(key: ECKey, account: str) -> str:
    """Sign somebody in for an hour."""
    seconds = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": account,
        "tenant": TENANT,
        "sid": "session-1",
        "acr": "basis",
    }
    claims |= {"linked": True, "roles": [], "auth_time": seconds, "iat": seconds, "exp": seconds + 3600, "jti": "1"}
    return jwt.encode({"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": "bench"}, claims, key)


@asynccontextmanager
async def served(app: str, key: ECKey) -> AsyncIterator[int]:
    """Run one of the apps in a process of its own; its port."""
    port = Ports.free().forms
    jwk = json.dumps(key.as_dict(private=False))
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "frame.served", app, str(port), jwk, env=paths)
    try:
        await _until_it_listens(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def cpu_seconds(port: int) -> float:
    """Ask an app how much it has used so far."""
    connection = Connection(port)
    try:
        await connection.send(Request("GET", "/cpu", {}).encode())
        return float(connection.body)
    finally:
        connection.close()


async def _until_it_listens(port: int) -> None:
    async with asyncio.timeout(_START_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                await cpu_seconds(port)
                return
            await asyncio.sleep(0.05)


async def _serve(app: str, port: int, jwk: str) -> None:
    clock = SystemClock()
    keys = TokenKeys(MemoryDatabase().collection("token_keys"), clock)
    await keys.put("bench", json.loads(jwk), None)
    ours: FastAPI = create_app("bench", [router], {}, provides=[keys], clock=clock)
    chosen: Any = {"ours": ours, "raw": raw}[app]
    config = uvicorn.Config(
        counted(chosen), port=port, loop="asyncio", ws="none", lifespan="off", log_config=None, access_log=False
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
