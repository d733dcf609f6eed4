"""What the door decides, as answers: refusals that cost nothing, and places that nobody holds in vain."""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from chassis.admission import Admission
from chassis.door import MOST_WAITING
from chassis.testing.example import OTHER_TENANT, TENANT

PLACES_AT_FIRST = 12
"""Three quarters of sixteen, for one municipality."""


@dataclass
class Blocked:
    """An app whose requests end when they are told to."""

    entered: list[str] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.entered.append(scope["path"])
        if scope["path"].endswith("/slow"):
            while (await receive()).get("more_body"):
                pass
        elif not scope["path"].endswith(("/quick", "/health")):
            await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Town:
    """Requests to an app behind its door."""

    def __init__(self) -> None:
        self.app = Blocked()
        self.admission = Admission(self.app, {TENANT, OTHER_TENANT}.__contains__)
        self.under_way: list[asyncio.Task[Any]] = []

    async def ask(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, receive: Receive | None = None
    ) -> tuple[MutableMapping[str, str], bytes, int]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def unread() -> Message:
            raise AssertionError("a refused request is not read")

        named = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        scope = {"type": "http", "method": method, "path": path, "headers": named}
        await self.admission(scope, receive or unread, send)
        answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return answered, b"".join(message["body"] for message in sent[1:]), sent[0]["status"]

    async def fill(self) -> None:
        await self.crowd(TENANT, PLACES_AT_FIRST + MOST_WAITING)
        assert len(self.app.entered) == PLACES_AT_FIRST

    async def crowd(self, tenant: str, number: int) -> None:
        self.under_way += [asyncio.create_task(self.ask(f"/api/forms/v1/{tenant}/x")) for _ in range(number)]
        await asyncio.sleep(0)


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    found = Town()
    yield found
    found.app.go_on.set()
    await asyncio.gather(*found.under_way, return_exceptions=True)


async def test_a_refusal_is_a_whole_problem_and_reads_nothing(town: Town) -> None:
    await town.fill()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    asking = {"content-length": "9", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    path = f"/api/forms/v1/{TENANT}/applications"
    headers, body, status = await town.ask(path, method="POST", headers=asking)
    problem = json.loads(body)
    assert (status, problem["status"], problem["type"]) == (503, 503, "urn:rathaus:problem:crowded")
    assert (problem["instance"], problem["traceId"], problem["errors"]) == (path, trace, [])
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert 1 <= int(headers["retry-after"]) <= 3
    assert "connection" not in headers
    assert len(town.app.entered) == PLACES_AT_FIRST


async def test_those_refused_together_are_not_asked_back_together(town: Town) -> None:
    await town.fill()
    answers = [await town.ask(f"/api/forms/v1/{TENANT}/x") for _ in range(6)]
    assert {headers["retry-after"] for headers, _, _ in answers} == {"1", "2", "3"}


@pytest.mark.parametrize("said", [{"content-length": "10485760"}, {"transfer-encoding": "chunked"}])
async def test_a_large_body_is_not_read_to_keep_the_connection(town: Town, said: dict[str, str]) -> None:
    await town.fill()
    headers, _, _ = await town.ask(f"/api/forms/v1/{TENANT}/x", method="POST", headers=said)
    assert headers["connection"] == "close"


@pytest.mark.proves("F35")
async def test_beside_a_crowd_another_municipality_is_let_in_at_once(town: Town) -> None:
    await town.fill()
    _, _, status = await town.ask(f"/api/forms/v1/{OTHER_TENANT}/quick")
    assert status == 200
    _, body, status = await town.ask(f"/api/forms/v1/{TENANT}/quick")
    assert (status, json.loads(body)["status"]) == (429, 429)


async def test_municipalities_that_do_not_exist_share_one_share(town: Town) -> None:
    await town.crowd("000000000001", PLACES_AT_FIRST)
    await town.crowd("000000000002", 5)
    await town.crowd("not-a-municipality", 5)
    assert len(town.app.entered) == PLACES_AT_FIRST


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_whether_it_lives_is_answered_however_full_it_is(town: Town, path: str) -> None:
    await town.fill()
    town.app.go_on.set()
    assert (await town.ask(path))[2] == 200


async def test_who_waits_is_let_in_when_a_place_is_free(town: Town) -> None:
    await town.crowd(TENANT, PLACES_AT_FIRST)
    waiting = asyncio.create_task(town.ask(f"/api/forms/v1/{TENANT}/quick"))
    await asyncio.sleep(0)
    assert not waiting.done()
    town.app.go_on.set()
    assert (await waiting)[2] == 200


async def test_who_waits_in_vain_is_told_so_within_a_second(town: Town) -> None:
    loop = asyncio.get_running_loop()
    await town.crowd(TENANT, PLACES_AT_FIRST)
    begun = loop.time()
    _, _, status = await town.ask(f"/api/forms/v1/{TENANT}/quick")
    assert status == 503
    assert loop.time() - begun >= 1
    begun = loop.time()
    _, _, status = await town.ask(f"/api/forms/v1/{TENANT}/quick")
    assert status == 503, "nothing has moved for a second: the next one need not wait to be told"
    assert loop.time() - begun < 0.5


async def test_who_is_gone_leaves_no_place_taken(town: Town) -> None:
    await town.crowd(TENANT, PLACES_AT_FIRST + 20)
    for task in town.under_way:
        task.cancel()
    await asyncio.gather(*town.under_way, return_exceptions=True)
    assert (await town.ask(f"/api/forms/v1/{TENANT}/quick"))[2] == 200
    town.app.entered.clear()
    await town.crowd(TENANT, PLACES_AT_FIRST)
    assert len(town.app.entered) == PLACES_AT_FIRST


async def test_slow_senders_hold_no_place(town: Town) -> None:
    sent = asyncio.Event()

    async def slowly() -> Message:
        await sent.wait()
        return {"type": "http.request", "body": b"x", "more_body": False}

    path = f"/api/forms/v1/{TENANT}/slow"
    slow = [asyncio.create_task(town.ask(path, receive=slowly)) for _ in range(3 * PLACES_AT_FIRST)]
    async with asyncio.timeout(10):
        while len(town.app.entered) < len(slow):
            await asyncio.sleep(0.01)
    assert (await town.ask(f"/api/forms/v1/{TENANT}/quick"))[2] == 200
    sent.set()
    assert {status for _, _, status in await asyncio.gather(*slow)} == {200}


async def test_other_threads_of_the_process_leave_fewer_places(town: Town) -> None:
    """They take turns with the loop's thread: what they do keeps requests waiting as what it does itself."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            sum(range(1000))

    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        before = town.admission._door.places
        async with asyncio.timeout(30):
            while town.admission._door.places > before / 2:
                assert (await town.ask(f"/api/forms/v1/{TENANT}/quick"))[2] == 200
                await asyncio.sleep(0)
    finally:
        done.set()
        await working


async def test_the_log_tells_of_refusals_in_one_line(
    town: Town, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.admission._TELL", 0.01)
    await town.fill()
    with caplog.at_level(logging.WARNING, "chassis.admission"):
        for _ in range(50):
            await town.ask(f"/api/forms/v1/{TENANT}/x")
        async with asyncio.timeout(10):
            while not caplog.records:
                await asyncio.sleep(0.01)
    assert [record.message for record in caplog.records] == ["too many requests"]
    assert caplog.records[0].__dict__["fields"]["refused"] == 50
