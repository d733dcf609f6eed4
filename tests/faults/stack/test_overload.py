"""More than a process can do: what it lets in stays good, the rest knows at once, and nobody else pays for it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.ids import uuid7
from chassis.testing import counting
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.load import Load, percentile, send
from rathaus.stack import Stack

pytestmark = pytest.mark.stack

BASE = f"/api/forms/v1/{TENANT}"
NOISE = 0.2
"""Seconds that a busy machine may add to any answer."""


@pytest.fixture
async def service(infrastructure: Stack, tmp_path: Path) -> AsyncIterator[counting.Running]:
    async with counting.running(
        environment(infrastructure), infrastructure.ports.of("forms"), tmp_path / "log"
    ) as found:
        yield found


def environment(stack: Stack, **more: str) -> dict[str, str]:
    return {**stack.service_environment("forms"), "OTEL_TRACES_EXPORTER": "none", **more}


def crowd(tenant: str = TENANT, **how: float) -> Load:
    return Load(tenant, f"/api/forms/v1/{tenant}/counters", method="POST", **how)  # type: ignore[arg-type]


async def capacity(service: counting.Running) -> float:
    """Return how many commands a second the process can do, after a moment to get warm."""
    await send(service.port, [crowd(callers=16)], 1)
    found = await send(service.port, [crowd(callers=16)], 2)
    return len(found[TENANT].of(201)) / 2


@pytest.mark.proves("F35", "P9")
async def test_at_many_times_its_capacity_a_process_goes_on_as_before(service: counting.Running) -> None:
    full = await capacity(service)
    before = service.memory
    found = (await send(service.port, [crowd(rate=3 * full)], 6))[TENANT]
    refused = found.of(429, 503)
    good = [answer for answer in found.of(201) if answer.took < 2]
    assert set(found.counts) == {201, 503}, "one municipality alone is never over its share"
    assert all(answer.retry_after for answer in refused)
    assert len(good) / 6 > 0.5 * full, found.counts
    assert percentile(refused, 0.5) < 0.05 + NOISE
    assert service.memory < before + 48 * 1024 * 1024
    assert (await count(service)).status_code == 201


@pytest.mark.prove
@pytest.mark.timeout(300)
@pytest.mark.proves("F35")
async def test_a_loud_municipality_is_refused_and_the_others_hardly_notice(service: counting.Running) -> None:
    share = await capacity(service) / 2
    quiet, loud = crowd(OTHER_TENANT, rate=max(10, share / 4)), crowd(rate=7 * share)
    rounds = []
    for _ in range(4):  # a busy machine makes a round worse, never better
        alone = (await send(service.port, [quiet], 3))[OTHER_TENANT]
        both = await send(service.port, [quiet, loud], 3)
        beside, told = both[OTHER_TENANT], both[TENANT].of(429, 503)
        assert all(answer.retry_after for answer in told)
        times = percentile(alone.all, 0.9), percentile(beside.all, 0.9)
        rounds.append((times, alone.counts, beside.counts, both[TENANT].counts))
        over_share = len(both[TENANT].of(429)) / max(1, len(told))
        if set(beside.counts) == {201} and times[1] <= 2 * times[0] + NOISE and over_share > 0.9:
            return
    raise AssertionError(rounds)


@pytest.mark.proves("F35")
async def test_beside_a_silent_database_nobody_waits_to_be_refused(
    infrastructure: Stack, service: counting.Running
) -> None:
    await count(service)
    infrastructure.kill("database", signal.SIGSTOP)
    try:
        found = (await send(service.port, [crowd(rate=80)], 6))[TENANT]
    finally:
        infrastructure.kill("database", signal.SIGCONT)
    assert set(found.counts) == {503}
    assert all(answer.retry_after for answer in found.all)
    told_at_once = [answer for answer in found.all if answer.took < 0.05 + NOISE]
    assert len(told_at_once) > 0.4 * len(found.all), found.counts
    async with asyncio.timeout(30):
        while (await count(service)).status_code != 201:
            await asyncio.sleep(0.2)


async def count(service: counting.Running, id: str | None = None) -> httpx.Response:
    path = f"{BASE}/counters" if id is None else f"{BASE}/counters/{id}/more"
    return await service.client.post(path, headers={"idempotency-key": uuid7()})


async def test_a_full_outbox_refuses_its_own_aggregate_alone_until_it_is_published(
    infrastructure: Stack, tmp_path: Path
) -> None:
    without_relay = environment(infrastructure, RATHAUS_ROLES="api")
    async with counting.running(without_relay, infrastructure.ports.of("forms"), tmp_path / "log") as service:
        id = (await count(service)).json()["id"]
        for number in range(2, 65):
            assert (await count(service, id)).json() == {"count": number}
        refused = [await count(service, id) for _ in range(5)]
        assert {answer.status_code for answer in refused} == {503}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert sorted(answer.elapsed.total_seconds() for answer in refused)[2] < 0.05 + NOISE
        assert (await service.client.get(f"{BASE}/counters/{id}")).json() == {"count": 64}
        assert (await count(service)).status_code == 201
        async with counting.running(
            environment(infrastructure), infrastructure.ports.of("identity"), tmp_path / "relay"
        ):
            async with asyncio.timeout(60):
                while (answer := await count(service, id)).status_code != 200:
                    await asyncio.sleep(0.2)
        assert answer.json() == {"count": 65}
