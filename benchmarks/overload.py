"""What a process does beyond its capacity: what it still gets done, how fast it refuses, what a crowd does to others.

One service with its real database and Kafka, all roles in one process. Commands come from a process of their own,
whether or not those before were answered. Capacity is what gets done for callers who ask again at once; beyond it only
what was answered within a second counts. Done is what is answered and published: both sides count until the relay has
nothing left, or a run would look faster that leaves its events for later, and slow down the next one.
"""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from chassis.documents import Documents
from chassis.outbox import AT_ONCE
from chassis.testing import counting
from chassis.testing.example import OTHER_TENANT, TENANT
from chassis.testing.load import Answers, Load, percentile, send
from frame.figures import Figure, Measured, Pace, now
from frame.ground import opened, town
from frame.results import main

CALLERS: Final = 48
"""Enough to keep the process busy whatever the database takes, too few for anybody to be refused."""
IN_TIME: Final = 1.0
_FILLING: Final = 0.5
"""Part of the seconds of a run at its beginning in which answers are not counted: queues fill."""
_LONG: Final = 3
_SHORT: Final = 2
_MB: Final = 1_000_000
_SHARED: Final = "Generator (a third of a core), database and broker share two cores with the process"
FIGURES: Final = (
    Figure(
        "P9",
        "commands answered within a second and published, twice as many arriving as get answered",
        "/s",
        goal=0.90,
        floor=0.60,
        beside=f"the same of {CALLERS} callers who ask again at once",
        bound="A refusal costs a tenth of a command (reading its head, writing the problem).",
    ),
    Figure(
        "P9b",
        "refusal at twice the capacity, p99",
        "ms",
        goal=50,
        floor=100,
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
        floor=25.0,
        beside="the same alone",
        at_most=True,
        bound=f"{_SHARED}; alone it has them for itself. The crowd waits: a quarter of the places at most are its.",
    ),
    Figure(
        "P9e",
        "median of the same",
        "ms",
        goal=2.0,
        floor=25.0,
        beside="the same alone",
        at_most=True,
        bound="The server reads and answers 3,500 refused ones a second on the same interpreter: with a single one of"
        " the crowd in work it is still 3 to 4 (docs/decisions/0064).",
    ),
)


def crowd(tenant: str = TENANT, *, rate: float = 0, callers: int = 0) -> Load:
    """Return commands for one municipality."""
    return Load(tenant, f"/api/forms/v1/{tenant}/counters", rate=rate, callers=callers, method="POST")


class Rounds:
    """All rounds on one process; each list has a value of each round."""

    def __init__(self, running: counting.Running, made: Documents, seconds: float) -> None:
        self._running = running
        self._made = made
        self._seconds = seconds
        self.answered: list[tuple[float, float]] = []
        """In a second: of callers who ask again at once, and with twice as many arriving."""
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
        await self._done(crowd(callers=CALLERS))
        return self._most_memory()

    async def play(self) -> None:
        """Play one round."""
        callers, done = await self._done(crowd(callers=CALLERS))
        self.capacity.append(done)
        full = self._rate(callers)
        twice, done = await self._done(crowd(rate=2 * full))
        self.good.append(done)
        self.answered.append((full, self._rate(twice)))
        told = twice.of(429, 503)
        self.refusals += len(told)
        self.refused.append(1000 * percentile(told, 0.99))
        quiet = crowd(OTHER_TENANT, rate=full / 4)
        self.alone.append((await self._send(_SHORT, quiet))[OTHER_TENANT])
        await self._rest()
        self.beside.append((await self._send(_SHORT, quiet, crowd(rate=3.5 * full)))[OTHER_TENANT])
        await self._rest()
        self.quiet_refused += len(self.beside[-1].of(429, 503))
        self.memory.append(self._most_memory())

    async def _send(self, length: float, *loads: Load) -> dict[str, Answers]:
        return await send(self._running.port, loads, length * self._seconds)

    async def _done(self, load: Load) -> tuple[Answers, float]:
        """Send a load; return its answers and how many commands got done in a second until all was published."""
        begun = now()
        answers = (await self._send(_LONG, load))[TENANT]
        await self._rest()
        return answers, sum(one.took < IN_TIME for one in answers.of(201)) / (now() - begun)

    async def _rest(self) -> None:
        """Wait until the relay has nothing left."""
        while True:
            if not await self._made.count({"due": {"$gte": AT_ONCE}}):
                return
            await asyncio.sleep(0.05)

    def _rate(self, answers: Answers) -> float:
        """Return how many were answered in a second, and within one."""
        begin, end = _FILLING * self._seconds, _LONG * self._seconds
        good = [one for one in answers.of(201) if begin < one.sent + one.took <= end and one.took < IN_TIME]
        return len(good) / (end - begin)

    def _most_memory(self) -> float:
        told = Path(f"/proc/{self._running.process.pid}/status").read_text(encoding="ascii")
        return int(told.partition("VmHWM:")[2].split()[0]) * 1024 / _MB


@asynccontextmanager
async def service() -> AsyncIterator[tuple[counting.Running, Documents]]:
    """Run one service on its real parts; with what it makes."""
    with town("database", "kafka") as stack, tempfile.TemporaryDirectory(prefix="rathaus-bench-") as folder:
        environment = {**stack.service_environment("forms"), "OTEL_TRACES_EXPORTER": "none"}
        async with (
            opened(stack.database_url(), environment["RATHAUS_DATABASE_NAME"]) as both,
            counting.running(environment, stack.ports.of("forms"), Path(folder) / "log") as running,
        ):
            yield running, both.ours.collection(counting.COLLECTION)


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    async with service() as (running, made):
        rounds = Rounds(running, made, pace.seconds)
        before = await rounds.warm()
        for _ in range(pace.runs):
            await rounds.play()
    share = statistics.median(twice / full for full, twice in rounds.answered)
    told = f"{rounds.refusals} were refused. Counting answers alone while they arrive, it is {share:.2f}."
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
