"""What a process does beyond its capacity: what it still gets done, how fast it refuses, what a crowd does to others.

One service with its real database and Kafka, all roles in one process. Commands come from a process of their own,
whether or not those before were answered. Capacity is what callers get answered who ask again at once; both sides
count the answers that came within the same part of their runs, and beyond capacity only those that took under a second.
"""

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from chassis.testing import counting
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.load import Answers, Load, percentile, send
from frame.figures import Figure, Measured, Pace
from frame.ground import town
from frame.results import main

CALLERS: Final = 48
"""Enough to keep the process busy whatever the database takes, too few for anybody to be refused."""
IN_TIME: Final = 1.0
_FILLING: Final = 0.5
"""Seconds at the beginning of a run that don't count: queues fill, the door finds its places."""
_LONG: Final = 3
_SHORT: Final = 2
_MB: Final = 1_000_000
_SHARED: Final = "Generator (a third of a core), database and broker share two cores with the process"
FIGURES: Final = (
    Figure(
        "P9",
        "commands answered within a second, twice the capacity arriving",
        "/s",
        goal=0.90,
        floor=0.30,
        beside=f"all that {CALLERS} callers get answered",
        bound="A refusal costs a tenth of a command (reading its head, writing the problem).",
    ),
    Figure(
        "P9b",
        "refusal at twice the capacity, p99",
        "ms",
        goal=50,
        floor=1500,
        at_most=True,
        bound=f"{_SHARED}: the middle is some 2 ms, the rest are moments in which it does not run.",
    ),
    Figure(
        "P9c",
        "most memory ever, overload included",
        "MB",
        goal=1.2,
        floor=1.4,
        beside="most memory at its capacity",
        at_most=True,
    ),
    Figure(
        "P9d",
        "p99 of a municipality at half of its share, beside one at seven times its own",
        "ms",
        goal=2.0,
        floor=60.0,
        beside="the same alone",
        at_most=True,
        bound=f"{_SHARED}; alone it has them for itself. The crowd waits: a quarter of the places at most are its.",
    ),
    Figure(
        "P9e",
        "median of the same",
        "ms",
        goal=2.0,
        floor=30.0,
        beside="the same alone",
        at_most=True,
        bound="One interpreter: whatever of the crowd is in work takes turns with it, and so does the relay.",
    ),
)


def crowd(tenant: str = TENANT, *, rate: float = 0, callers: int = 0) -> Load:
    """Return commands for one municipality."""
    return Load(tenant, f"/api/forms/v1/{tenant}/counters", rate=rate, callers=callers, method="POST")


class Rounds:
    """All rounds on one process; each list has a value of each round."""

    def __init__(self, running: counting.Running, seconds: float) -> None:
        self._running = running
        self._seconds = seconds
        self.capacity: list[float] = []
        self.good: list[float] = []
        self.refused: list[float] = []
        self.alone: list[Answers] = []
        self.beside: list[Answers] = []
        self.memory: list[float] = []
        self.refusals = 0
        self.quiet_refused = 0

    async def warm(self) -> float:
        """Run at capacity; return the most memory so far."""
        await self._send(_LONG, crowd(callers=CALLERS))
        return self._most_memory()

    async def play(self) -> None:
        """Play one round."""
        self.capacity.append(self._done(await self._send(_LONG, crowd(callers=CALLERS))))
        full = self.capacity[-1]
        twice = await self._send(_LONG, crowd(rate=2 * full))
        self.good.append(self._done(twice))
        told = twice[TENANT].of(429, 503)
        self.refusals += len(told)
        self.refused.append(1000 * percentile(told, 0.99))
        quiet = crowd(OTHER_TENANT, rate=full / 4)
        self.alone.append((await self._send(_SHORT, quiet))[OTHER_TENANT])
        self.beside.append((await self._send(_SHORT, quiet, crowd(rate=3.5 * full)))[OTHER_TENANT])
        self.quiet_refused += len(self.beside[-1].of(429, 503))
        self.memory.append(self._most_memory())

    async def _send(self, length: float, *loads: Load) -> dict[str, Answers]:
        return await send(self._running.port, loads, length * self._seconds)

    def _done(self, found: dict[str, Answers]) -> float:
        begin, end = _FILLING * self._seconds, _LONG * self._seconds
        good = [one for one in found[TENANT].of(201) if begin < one.sent + one.took <= end and one.took < IN_TIME]
        return len(good) / (end - begin)

    def _most_memory(self) -> float:
        told = Path(f"/proc/{self._running.process.pid}/status").read_text(encoding="ascii")
        return int(told.partition("VmHWM:")[2].split()[0]) * 1024 / _MB


@asynccontextmanager
async def service() -> AsyncIterator[counting.Running]:
    """Run one service on its real parts."""
    with town("database", "kafka") as stack, tempfile.TemporaryDirectory(prefix="rathaus-bench-") as folder:
        environment = {**stack.service_environment("forms"), "OTEL_TRACES_EXPORTER": "none"}
        async with counting.running(environment, stack.ports.of("forms"), Path(folder) / "log") as running:
            yield running


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    async with service() as running:
        rounds = Rounds(running, pace.seconds)
        before = await rounds.warm()
        for _ in range(pace.runs):
            await rounds.play()
    told = f"{rounds.refusals} were refused."
    quiet = f"It was refused {rounds.quiet_refused} times."
    return [
        Measured(FIGURES[0], tuple(rounds.good), tuple(rounds.capacity), note=told),
        Measured(FIGURES[1], tuple(rounds.refused)),
        Measured(FIGURES[2], tuple(rounds.memory), (before,) * pace.runs),
        Measured(FIGURES[3], _times(rounds.beside, 0.99), _times(rounds.alone, 0.99), note=quiet),
        Measured(FIGURES[4], _times(rounds.beside, 0.5), _times(rounds.alone, 0.5)),
    ]


def _times(found: list[Answers], share: float) -> tuple[float, ...]:
    return tuple(1000 * percentile(answers.all, share) for answers in found)


if __name__ == "__main__":
    main(__file__, measure)
