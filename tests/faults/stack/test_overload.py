"""More than a process can do: what it lets in stays good, the rest knows at once, and nobody else pays for it."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from chassis.ids import uuid7
from chassis.testing import counting
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.load import Answer, Load, percentile, send
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


@pytest.mark.timeout(300)
@pytest.mark.proves("F35", "P9")
async def test_at_many_times_its_capacity_a_process_goes_on_as_before(service: counting.Running) -> None:
    before, kept = service.memory, 0.0
    for _ in range(5):  # who else works on this machine comes and goes between two measurements
        full = await capacity(service)
        found = (await send(service.port, [crowd(rate=3 * full)], 6))[TENANT]
        refused = found.of(429, 503)
        assert set(found.counts) == {201, 503}, "one municipality alone is never over its share"
        assert all(answer.retry_after for answer in refused)
        assert percentile(refused, 0.5) < 0.1
        assert service.memory < before + 48 * 1024 * 1024
        good = [answer for answer in found.of(201) if answer.took < 2]
        kept = len(good) / 6 / full
        if kept > 0.5:
            break
    assert kept > 0.5, found.counts
    assert (await count(service)).status_code == 201


@pytest.mark.prove
@pytest.mark.timeout(300)
@pytest.mark.proves("F35")
async def test_a_loud_municipality_is_refused_and_the_others_hardly_notice(service: counting.Running) -> None:
    """Counts, and times beside the crowd's own: what slows the machine slows both."""
    share = await capacity(service) / 2
    quiet, loud = crowd(OTHER_TENANT, rate=max(10, share / 4)), crowd(rate=7 * share)
    all_beside: list[Answer] = []
    all_loud: list[Answer] = []
    for _ in range(4):
        both = await send(service.port, [quiet, loud], 3)
        all_beside += both[OTHER_TENANT].all
        all_loud += both[TENANT].all
    accepted = [answer for answer in all_loud if answer.status == 201]
    told = [answer for answer in all_loud if answer.status != 201]
    counts = Counter(answer.status for answer in all_beside), Counter(answer.status for answer in all_loud)
    assert len([answer for answer in all_beside if answer.status == 201]) >= 0.99 * len(all_beside), counts
    assert len(told) > 0.5 * len(all_loud), counts
    assert len([answer for answer in told if answer.status == 429]) > 0.9 * len(told), counts
    assert all(answer.retry_after for answer in told)
    times = percentile(all_beside, 0.5), percentile(accepted, 0.5)
    assert times[0] < 0.5 * times[1], f"the crowd waits for itself, the others don't wait for it: {times}"


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


@pytest.mark.proves("F11")
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
