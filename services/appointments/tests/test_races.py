"""Everybody wants the same time, at two processes of the service at once, over the real database."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from appointments.app import wire
from appointments.settings import Settings
from chassis.documents import Database
from chassis.testing import FixedClock
from chassis.testing.example import TENANT
from chassis.testing.service import MUNICIPALITIES, ServiceUnderTest, Signer, wired
from rathaus.stack.stack import Stack

pytestmark = pytest.mark.stack

BASE = f"/api/appointments/v1/{TENANT}"
AT_ONCE = 100
"""Requests under way at each process."""
MOST_ASKED = 20
"""Times that one asks who is told to come again."""


class Town:
    """Two processes' worth of the service on one database."""

    def __init__(self, processes: list[ServiceUnderTest]) -> None:
        self.processes = processes
        self._gates = [asyncio.Semaphore(AT_ONCE) for _ in processes]

    async def slots(self) -> list[dict[str, Any]]:
        answer = await self.processes[0].client().get(f"{BASE}/offices/buergerbuero/slots?from=2026-11-25&days=14")
        return [slot for slot in answer.json()["slots"] if slot["free"]]

    async def reserve(self, number: int, slot: dict[str, Any], account: str = "") -> httpx.Response:
        """Ask as an account of its own; where the service is busy, with the same key again, as it says."""
        at = number % len(self.processes)
        client = self.processes[at].client(account or f"a{number}")
        body = {"office": "buergerbuero", "starts_at": slot["starts_at"]}
        for _ in range(MOST_ASKED):
            async with self._gates[at]:
                answer = await client.post(f"{BASE}/reservations", json=body, headers={"Idempotency-Key": "k"})
            if answer.status_code != 503:
                return answer
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        raise AssertionError(f"{body} was refused {MOST_ASKED} times: {answer.text}")


@pytest.fixture
async def town(infrastructure: Stack, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Town]:
    """Of a municipality whose office has as many places for a time as the test says."""
    found = yaml.safe_load((MUNICIPALITIES / f"{TENANT}.yaml").read_text())
    found["offices"][0]["capacity"] = request.param
    (tmp_path / f"{TENANT}.yaml").write_text(yaml.safe_dump(found))
    url, name = SecretStr(infrastructure.database_url()), f"appointments_{uuid.uuid4().hex[:12]}"
    clock = FixedClock()
    async with AsyncExitStack() as stack:
        signer, processes = Signer(clock), []
        for _ in range(2):
            database = await Database.connect(url, name)
            stack.push_async_callback(database.close)
            wiring = wired(
                "appointments", Settings(), wire, database=database, clock=clock, signer=signer, municipalities=tmp_path
            )
            processes.append(await stack.enter_async_context(wiring))
        yield Town(processes)


@pytest.mark.proves("F29")
@pytest.mark.parametrize(
    ("town", "attempts", "places", "early"),
    [(1, 200, 1, 0), (1, 200, 1, 1), (50, 1_000, 50, 1)],
    indirect=["town"],
)
async def test_exactly_as_many_win_as_there_are_places(town: Town, attempts: int, places: int, early: int) -> None:
    """Where nobody has come early, the day's first insertion decides the race; else the version in each write must."""
    wanted, *others = await town.slots()
    assert wanted["free"] == places
    same_day = [slot for slot in others if slot["starts_at"][:10] == wanted["starts_at"][:10]]
    before = [await town.reserve(0, same_day[-1], f"early{number}") for number in range(early)]
    answers = await asyncio.gather(*(town.reserve(number, wanted) for number in range(attempts)))
    won = [answer for answer in answers if answer.status_code == 201]
    lost = [answer.json() for answer in answers if answer.status_code == 409]
    assert (len(won), len(lost)) == (places, attempts - places)
    assert {problem["type"] for problem in lost} == {"urn:rathaus:problem:slot-taken"}
    assert all("Am selben Tag sind noch frei: " in problem["detail"] for problem in lost)
    (left,) = [slot for slot in await _all_slots(town) if slot["starts_at"] == wanted["starts_at"]]
    assert left["free"] == 0
    await town.processes[0].settle()
    told = [event for _, event in town.processes[0].events("appointments.slots")]
    assert len({event.reservation_id for event in told}) == len(told) == places + early  # type: ignore[union-attr]
    made = {answer.json()["reservation_id"] for answer in (*before, *won)}
    assert {event.reservation_id for event in told} == made  # type: ignore[union-attr]


@pytest.mark.proves("F31")
@pytest.mark.parametrize("town", [2], indirect=True)
async def test_a_key_that_made_a_reservation_makes_none_on_another_day(town: Town) -> None:
    first, second = list({slot["starts_at"][:10]: slot for slot in await town.slots()}.values())[:2]
    answers = await asyncio.gather(*(town.reserve(number, slot, "mia") for number, slot in enumerate((first, second))))
    (made,) = [answer.json() for answer in answers if answer.status_code == 201]
    (refused,) = [answer for answer in answers if answer.status_code != 201]
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:rathaus:problem:key-reused")
    mine = (await town.processes[0].client("mia").get(f"{BASE}/reservations")).json()["reservations"]
    assert mine == [made]


async def _all_slots(town: Town) -> list[dict[str, Any]]:
    path = f"{BASE}/offices/buergerbuero/slots?from=2026-11-25&days=14"
    found: list[dict[str, Any]] = (await town.processes[1].client().get(path)).json()["slots"]
    return found
