import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from appointments.app import wire
from appointments.settings import Settings
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.service import ServiceUnderTest, wired

BASE = f"/api/appointments/v1/{TENANT}"


@pytest.fixture
async def service() -> AsyncIterator[ServiceUnderTest]:
    async with wired("appointments", Settings(), wire) as found:
        yield found


async def free_slots(service: ServiceUnderTest) -> list[dict[str, Any]]:
    answer = await service.client().get(f"{BASE}/offices/buergerbuero/slots?from=2026-11-25&days=14")
    assert answer.status_code == 200
    return [slot for slot in answer.json()["slots"] if slot["free"]]


async def take(client: httpx.AsyncClient, slot: dict[str, Any], key: str = "k1") -> httpx.Response:
    body = {"office": "buergerbuero", "starts_at": slot["starts_at"]}
    return await client.post(f"{BASE}/reservations", json=body, headers={"Idempotency-Key": key})


async def test_offices_and_times_are_public(service: ServiceUnderTest) -> None:
    offices = (await service.client().get(f"{BASE}/offices")).json()["offices"]
    assert [office["office"] for office in offices] == ["buergerbuero"]
    assert len(await free_slots(service)) > 20
    assert (await service.client().get("/api/appointments/v1/150900546999/offices")).status_code == 404


async def test_reserve_read_and_give_back(service: ServiceUnderTest) -> None:
    mia = service.client("mia")
    slot = (await free_slots(service))[0]
    made = await take(mia, slot)
    assert made.status_code == 201
    assert (await take(mia, slot)).json() == made.json()
    id = made.json()["reservation_id"]
    assert made.headers["Location"].endswith(id)
    assert (await mia.get(f"{BASE}/reservations/{id}")).json()["status"] == "reserved"
    gone = await mia.delete(f"{BASE}/reservations/{id}", headers={"Idempotency-Key": "k2"})
    assert gone.status_code == 204
    listed = (await mia.get(f"{BASE}/reservations")).json()["reservations"]
    assert [found["status"] for found in listed] == ["released"]
    await service.settle()
    events = [event for _, event in service.events("appointments.slots")]
    assert [type(event).__name__ for event in events] == ["SlotReserved", "SlotReleased"]
    assert [event.reservation_id for event in events] == [id, id]  # type: ignore[union-attr]


async def test_a_reused_key_is_refused(service: ServiceUnderTest) -> None:
    mia = service.client("mia")
    slots = await free_slots(service)
    await take(mia, slots[0])
    assert (await take(mia, slots[1])).status_code == 422


async def test_forty_at_once_get_exactly_the_places_there_are(service: ServiceUnderTest) -> None:
    slot = (await free_slots(service))[0]
    answers = await asyncio.gather(*(take(service.client(f"a{number}"), slot) for number in range(40)))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 38
    problem = next(answer for answer in answers if answer.status_code == 409).json()
    assert problem["type"] == "urn:rathaus:problem:slot-taken"


async def test_a_repeat_after_many_commands_is_known(service: ServiceUnderTest) -> None:
    slots = await free_slots(service)
    first = await take(service.client("a0"), slots[0])
    for number in range(1, 16):
        for at in range(3):
            client = service.client(f"a{number}x{at}")
            await take(client, slots[number // 2])
    assert (await take(service.client("a0"), slots[0])).json() == first.json()


async def test_strangers_see_nothing(service: ServiceUnderTest) -> None:
    mia = service.client("mia")
    id = (await take(mia, (await free_slots(service))[0])).json()["reservation_id"]
    path = f"{BASE}/reservations/{id}"
    assert (await service.client("jonas").get(path)).status_code == 404
    assert (await service.client("mia", OTHER_TENANT).get(path)).status_code == 404
    assert (await service.client().get(path)).status_code == 401
    for client, status in ((service.client("jonas"), 404), (service.client(), 401)):
        assert (await client.delete(path, headers={"Idempotency-Key": "x"})).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"office": "buergerbuero"}, 422, "/starts_at"),
        ({"office": "buergerbuero", "starts_at": "gestern"}, 422, "/starts_at"),
        ({"office": "buergerbuero", "starts_at": 7}, 422, "/starts_at"),
        ({"office": {"$ne": 1}, "starts_at": "2026-11-30T08:00:00Z"}, 400, "/office/$ne"),
        ({"office": "buergerbuero", "starts_at": "2026-11-30T08:00:00Z", "x": 1}, 422, "/x"),
        ({"office": "buergerbuero", "starts_at": "9999-12-31T23:00:00Z"}, 422, "/starts_at"),
        ({"office": "buergerbuero", "starts_at": "2299-12-31T23:00:00Z"}, 422, None),
        ({"office": "buergerbuero", "starts_at": "2026-11-30T08:01:00Z"}, 422, None),
        ({"office": "keins", "starts_at": "2026-11-30T08:00:00Z"}, 404, None),
    ],
)
async def test_bad_input_is_told_and_nothing_is_written(
    service: ServiceUnderTest, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    mia = service.client("mia")
    answer = await mia.post(f"{BASE}/reservations", json=body, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if pointer:
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert (await mia.get(f"{BASE}/reservations")).json()["reservations"] == []


@pytest.mark.parametrize(
    "query", ["from=heute", "from=2026-11-25&days=15", "from=9999-12-31&days=14", "days=2", "from=0001-01-01"]
)
async def test_bad_queries_never_break(service: ServiceUnderTest, query: str) -> None:
    answer = await service.client().get(f"{BASE}/offices/buergerbuero/slots?{query}")
    assert answer.status_code in (200, 422)
