"""Bad input on every route, through the gateway: a problem answer that points at the place, nothing written, no 500."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from contracts.topics import SERVICES
from rathaus.citizen import TANGERHUETTE, Citizen
from rathaus.stack.stack import REPOSITORY, Stack

pytestmark = pytest.mark.stack

SOME_ID = "00000000-0000-4000-8000-000000000000"
DEEP = b'{"a":' * 200 + b"1" + b"}" * 200
HUGE = b'{"a":"' + b"x" * 3_000_000 + b'"}'

BODIES: dict[str, tuple[bytes, set[int]]] = {
    "no JSON": (b"{", {400}),
    "a list": (b"[]", {422}),
    "a number": (b"7", {422}),
    "null": (b"null", {422}),
    "unknown field": (b'{"no_such_field_anywhere": 1}', {422}),
    "operator key": (b'{"$ne": 1}', {400}),
    "operator inside": (b'{"email": {"$gt": ""}, "service": {"$gt": ""}, "office": {"$gt": ""}}', {400}),
    "duplicate key": (b'{"a": 1, "a": 2}', {400}),
    "NaN": (b'{"a": NaN}', {400}),
    "infinity": (b'{"a": 1e999}', {400}),
    "65 bit": (b'{"a": 18446744073709551616}', {400}),
    "lone surrogate": (b'{"a": "\\ud800"}', {400}),
    "not UTF-8": (b'{"a": "\xff"}', {400}),
    "zero byte": (b'{"a": "\\u0000"}', {400}),
    "deep": (DEEP, {400}),
    "huge": (HUGE, {413}),
}


WRONG: tuple[Any, ...] = (7, True, [], {}, None, "x" * 20_000)
MAY_BE: tuple[tuple[str, Any], ...] = (("answers", {}), ("refresh_token", None))


@dataclass(frozen=True)
class Route:
    service: str
    method: str
    path: str
    operation: str
    item: dict[str, Any]

    def __str__(self) -> str:
        return self.operation

    @property
    def address(self) -> str:
        path = self.path.replace("{ars}", TANGERHUETTE)
        path = path.replace("{slug}", "youth-medical-exam").replace("{office}", "buergerbuero")
        for part in path.split("/"):
            if part.startswith("{"):
                path = path.replace(part, SOME_ID)
        return path

    @property
    def takes_json(self) -> bool:
        return "application/json" in self.item.get("requestBody", {}).get("content", {})


def routes() -> Iterator[Route]:
    for service in SERVICES:
        document = json.loads((REPOSITORY / "openapi" / f"{service}.json").read_text())
        for path, item in document["paths"].items():
            for method in ("get", "put", "post", "delete"):
                if method in item:
                    yield Route(service, method, path, item[method]["operationId"], item[method])


ROUTES = list(routes())
JSON_ROUTES = [route for route in ROUTES if route.takes_json]


@pytest.fixture
async def mia(town_hall: Stack) -> AsyncIterator[Citizen]:
    async with Citizen(town_hall) as citizen:
        await citizen.register()
        await citizen.verify()
        await citizen.sign_in()
        yield citizen


def headers(mia: Citizen, **more: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {mia.session['access_token']}",
        "Idempotency-Key": "bad",
        "If-Match": '"1"',
        "Content-Type": "application/json",
        **more,
    }


def wrong_with(answer: httpx.Response, allowed: set[int]) -> str | None:
    if answer.status_code not in allowed:
        return f"status {answer.status_code}, wanted {sorted(allowed)}: {answer.text[:200]}"
    if answer.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return f"no problem answer but {answer.headers.get('content-type')}"
    problem = answer.json()
    if not {"type", "title", "status", "detail", "instance", "errors"} <= problem.keys():
        return f"an incomplete problem: {problem}"
    if answer.status_code in (400, 422) and not problem["errors"] and not is_gateways(problem):
        return f"no pointer: {problem}"
    return None


def is_gateways(problem: dict[str, Any]) -> bool:
    """Whether the gateway refused it: the address itself is broken, there is no place to point at."""
    return bool(problem["type"] == "urn:rathaus:problem:malformed-request")


async def traces_of(mia: Citizen) -> dict[str, Any]:
    """What an account has made: must be the same before and after."""
    return {
        "applications": (await mia.call("GET", "forms/applications", 200)).json(),
        "reservations": (await mia.call("GET", "appointments/reservations", 200)).json(),
        "sessions": (await mia.call("GET", "identity/sessions", 200)).json(),
        "account": (await mia.call("GET", "identity/account", 200)).json(),
        "mails": len(await mia.mails()),
    }


async def test_every_bad_body_on_every_route(town_hall: Stack, mia: Citizen) -> None:
    before, told = await traces_of(mia), []
    assert len(JSON_ROUTES) >= 8
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in JSON_ROUTES:
            for name, (body, allowed) in BODIES.items():
                answer = await http.request(route.method, route.address, content=body, headers=headers(mia))
                if wrong := wrong_with(answer, allowed):
                    told.append(f"{route} {name}: {wrong}")
    assert told == []
    assert await traces_of(mia) == before


async def test_wrong_content_types(town_hall: Stack, mia: Citizen) -> None:
    told = []
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in JSON_ROUTES:
            for kind in ("text/xml", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
                more = headers(mia, **{"Content-Type": kind})
                answer = await http.request(route.method, route.address, content=b"{}", headers=more)
                if wrong := wrong_with(answer, {415}):
                    told.append(f"{route} {kind!r}: {wrong}")
    assert told == []


async def test_wrong_types_in_every_field(town_hall: Stack, mia: Citizen) -> None:
    """Each field of each body in turn holds what it may not; the answer points at it."""
    told = []
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in JSON_ROUTES:
            for name in fields_of(route):
                for value in WRONG:
                    if (name, value) in MAY_BE:
                        continue
                    body = json.dumps({name: value})
                    answer = await http.request(route.method, route.address, content=body, headers=headers(mia))
                    wrong = wrong_with(answer, {404, 422} if name == "answers" else {422})
                    if wrong is None and answer.status_code == 422:
                        pointers = [error["pointer"] for error in answer.json()["errors"]]
                        if not any(pointer.startswith(f"/{name}") for pointer in pointers) and value is not None:
                            wrong = f"points at {pointers}"
                    if wrong:
                        told.append(f"{route} {name}={str(value)[:20]}: {wrong}")
    assert told == []


def fields_of(route: Route) -> list[str]:
    document = json.loads((REPOSITORY / "openapi" / f"{route.service}.json").read_text())
    schema = route.item["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return list(schema["properties"])


async def test_foreign_and_broken_ids(town_hall: Stack, mia: Citizen) -> None:
    told = []
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in ROUTES:
            for broken in ("x", "'", "..%2f", "%00", "$ne", SOME_ID.upper(), "a" * 3000, "%F0%9F%90%B6"):
                path = route.path.replace("{ars}", TANGERHUETTE)
                if "{" not in path:
                    continue
                for part in path.split("/"):
                    if part.startswith("{"):
                        path = path.replace(part, broken)
                more = {"content": b"{}"} if route.takes_json else {}
                answer = await http.request(route.method, path, headers=headers(mia), **more)  # type: ignore[arg-type]
                if wrong := wrong_with(answer, {400, 404, 405, 414, 415, 422, 431}):
                    told.append(f"{route} {broken[:20]}: {wrong}")
    assert told == []


async def test_a_hundred_megabytes(town_hall: Stack, mia: Citizen) -> None:
    """The answer comes before all of it was sent, or the connection ends: nothing keeps it in memory."""
    told = []

    async def flood() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000_000

    for route in [route for route in ROUTES if route.method in ("post", "put")]:
        async with httpx.AsyncClient(base_url=town_hall.api, timeout=60) as http:
            kind = "application/json" if route.takes_json else "application/pdf"
            more = headers(mia, **{"Content-Type": kind})
            try:
                answer = await http.request(route.method, route.address, content=flood(), headers=more)
            except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
                continue
            if wrong := wrong_with(answer, {400, 404, 413, 415, 422}):
                told.append(f"{route}: {wrong}")
    assert told == []


async def test_slow_bodies_end(town_hall: Stack, mia: Citizen) -> None:
    """A body that never arrives holds no route for ever, and nobody else waits for it."""
    slow = [route for route in ROUTES if route.method in ("post", "put")]

    async def stall(route: Route) -> str | None:
        reader, writer = await asyncio.open_connection("127.0.0.1", town_hall.ports.gateway)
        kind = "application/json" if route.takes_json else "application/pdf"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers(mia, **{"Content-Type": kind}).items())
        start = f"{route.method.upper()} {route.address} HTTP/1.1\r\nHost: town\r\nContent-Length: 100\r\n"
        writer.write(f"{start}{head}\r\n{{".encode())
        await writer.drain()
        try:
            async with asyncio.timeout(75):
                line = await reader.readline()
        except TimeoutError:
            return f"{route}: still waiting after 75 s"
        finally:
            writer.close()
        status = int(line.split()[1]) if line else 0
        return None if status in (0, 400, 401, 404, 408, 412, 415, 422) else f"{route}: {line!r}"

    waiting = asyncio.gather(*(stall(route) for route in slow))
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=10) as http:
        quick = await http.get(f"/api/forms/v1/{TANGERHUETTE}/services")
        assert quick.status_code == 200
    assert [told for told in await waiting if told] == []


async def test_headers_that_no_one_should_send(town_hall: Stack, mia: Citizen) -> None:
    told = []
    tries = [
        {"Idempotency-Key": "x" * 200},
        {"Idempotency-Key": ""},
        {"If-Match": "*"},
        {"If-Match": '"-1"'},
        {"If-Match": '"99999999999999999999999"'},
        {"Content-Encoding": "gzip"},
        {"X-Account-Id": "somebody"},
    ]
    async with httpx.AsyncClient(base_url=town_hall.api, timeout=30) as http:
        for route in [route for route in ROUTES if route.method != "get"]:
            for more in tries:
                content = {"content": b"{}"} if route.takes_json else {}
                sent = headers(mia, **more)
                answer = await http.request(route.method, route.address, headers=sent, **content)  # type: ignore[arg-type]
                if answer.status_code >= 500 or (answer.status_code < 400 and route.operation != "endSession"):
                    told.append(f"{route} {more}: {answer.status_code} {answer.text[:100]}")
    assert told == []
