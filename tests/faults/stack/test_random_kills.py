"""Two hundred kills of anything at any moment and at chosen points, under load."""

import asyncio
import contextlib
import os
import random
import time

import pytest
from fault_town import FaultTown
from levers import When

pytestmark = [pytest.mark.stack, pytest.mark.prove, pytest.mark.timeout(1500)]

KILLS = int(os.environ.get("FAULTS_KILLS", "200"))
WEIGHTS = {
    "appointments": 5,
    "forms": 5,
    "notify": 5,
    "osi-gateway": 5,
    "identity": 3,
    "database": 2,
    "kafka": 1,
    "gateway": 1,
    "sandbox": 1,
    "mailbox": 1,
}
POINTS = {
    "appointments": ("write", "publish", "buffer", "send", "mark", "take-out", "database-answer", "lease"),
    "forms": ("write", "publish", "send", "mark", "take", "apply", "advance", "database-answer"),
    "notify": ("write", "take", "apply", "advance", "outside", "mail", "fire", "mark", "database-answer"),
    "osi-gateway": ("write", "take", "apply", "advance", "step", "submit", "fire", "mark", "database-answer"),
    "identity": ("write", "publish", "mark"),
}
"""Where a service may die."""
PATIENCE = 1.0
"""Seconds that a service has to come by a point before something else is killed."""


class Killer:
    """Kills on and on; half of the services' deaths are at a chosen point."""

    def __init__(self, town: FaultTown, seed: int) -> None:
        self._town = town
        self._random = random.Random(seed)  # noqa: S311  must be told again
        self._struck = {service: town.count(service) for service in POINTS}
        self.from_outside: dict[str, int] = dict.fromkeys(WEIGHTS, 0)

    @property
    def inside(self) -> int:
        """Deaths at chosen points."""
        return sum(self._town.count(service) - before for service, before in self._struck.items())

    @property
    def kills(self) -> int:
        """All deaths so far."""
        return self.inside + sum(self.from_outside.values())

    async def kill_until(self, kills: int) -> None:
        """Go on until so many have died."""
        while self.kills < kills:
            name = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            if name in POINTS and self._random.random() < 0.6:
                await self._kill_inside(name)
            elif self._town.stack.pid(name) is not None:
                self._town.stack.kill(name)
                self.from_outside[name] += 1
            await asyncio.sleep(self._random.uniform(0.1, 0.5))

    async def _kill_inside(self, service: str) -> None:
        """Order a death at a point and give it a moment; who has not come by dies there later."""
        when: When = "before" if self._random.random() < 0.5 else "after"
        before, point = self._town.count(service), self._random.choice(POINTS[service])
        self._town.arm(service, point, when, call=self._random.randint(1, 4))
        with contextlib.suppress(TimeoutError):
            await self._town.struck(service, before + 1, PATIENCE)


@pytest.mark.proves("F1", "F2", "F6")
async def test_nothing_is_lost_whatever_dies_when(fault_town: FaultTown) -> None:
    seed = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(10**6)))
    killer, began = Killer(fault_town, seed), time.monotonic()
    async with fault_town.load(newcomers=1, seed=seed, pause=0.3, finish_seconds=300) as load:
        await load.reaches(20)
        killing = asyncio.create_task(killer.kill_until(KILLS))
        while not killing.done():
            fault_town.bounds()
            await asyncio.sleep(1)
        await killing
        fault_town.disarm()
        killed = time.monotonic() - began
    found = await fault_town.verdict(360)
    told = (
        f"seed {seed}: {killer.kills} kills in {killed:.0f} s, {killer.inside} at chosen points, others "
        f"{killer.from_outside}; {load.answered} answers, {load.retried} asked again; "
        f"at rest {fault_town.rested:.0f} s later"
    )
    print(told)  # noqa: T201  the seed must be known
    assert found == [], told
