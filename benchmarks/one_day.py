"""A rush on one day of a calendar: all commands meet in one document, decided by 1, 2, 4 and 8 processes.

Each citizen wants a time of his own, so whoever is refused was refused for our sake. Every process plays the roles api
and relay, with the real store; Kafka acknowledges at once.
"""

import asyncio
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from appointments.calendars.domain import SlotTaken
from frame.desk import Outcome, Rush
from frame.figures import Figure, Measured, Pace, Side, in_turn, now, percentile
from frame.ground import Both, database
from frame.results import main

CITIZENS: Final = 240
CALLERS: Final = 128
"""Citizens who ask at once, over all processes."""
RACERS: Final = 200
"""Citizens who want one and the same time that has one place, at once."""
PROCESSES: Final = (1, 2, 4, 8)
_FLOORS: Final = {1: 0.60, 2: 0.70, 4: 0.50, 8: 0.30}
_DAYS: Final = itertools.count()
_BOUND: Final = (
    "Whoever meets a newer version loads and decides his group again at once, so with more processes than cores most of"
    " the work is done in vain. Somebody always wins, and nobody is refused; a third process for one day gains nothing."
)
FIGURES: Final = (
    *(
        Figure(
            f"G{number}",
            f"reservations of one day by {number} process{'es' if number > 1 else ''}",
            "/s",
            goal=0.70,
            floor=_FLOORS[number],
            beside="raw find and update_one filtered by version, one after the other",
            bound=_BOUND if number == PROCESSES[-1] else "",
        )
        for number in PROCESSES
    ),
    Figure(
        "G-p99",
        "longest wait of 99 % of the citizens, any number of processes",
        "s",
        goal=1.0,
        floor=2.0,
        at_most=True,
    ),
    Figure(
        "P11",
        f"race of {RACERS} citizens for one place: longest wait of 99 % of them for their answer, 2 processes",
        "ms",
        goal=250,
        floor=500,
        at_most=True,
    ),
)


class Desks:
    """Some processes that decide on the same documents."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self._processes = processes
        self.outcomes: list[Outcome] = []

    async def rush(self, citizens: int = CITIZENS, callers: int = CALLERS) -> float:
        """Let all citizens ask at once on a fresh day; return how many were accepted in a second."""
        outcomes, took = await self._all(citizens, callers, same=False)
        self.outcomes += outcomes
        return sum(outcome.accepted for outcome in outcomes) / took

    async def race(self) -> float:
        """Let all want one place on a fresh day; return the ms that 99 % waited at most.

        Raises:
            RuntimeError: not exactly one got it, or somebody was refused for another reason than that it was gone.
        """
        outcomes, _ = await self._all(RACERS, RACERS, same=True)
        refused = sum((Counter(outcome.refused) for outcome in outcomes), Counter[str]())
        if sum(outcome.accepted for outcome in outcomes) != 1 or refused != {SlotTaken.__name__: RACERS - 1}:
            raise RuntimeError(f"{[outcome.accepted for outcome in outcomes]} have the place, refused {refused}")
        return percentile([wait for one in outcomes for wait in (*one.seconds, *one.refused_after)], 0.99) * 1_000

    async def _all(self, citizens: int, callers: int, *, same: bool) -> tuple[list[Outcome], float]:
        day = (datetime.now(UTC).date() + timedelta(days=30 + next(_DAYS) % 300)).isoformat()
        share = citizens // len(self._processes)
        began = now()
        for number, process in enumerate(self._processes):
            rush = Rush(day, number * share, share, max(1, callers // len(self._processes)), same)
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(rush)).encode() + b"\n")
        outcomes = await asyncio.gather(*map(_outcome, self._processes))
        return outcomes, now() - began

    @property
    def refused(self) -> Counter[str]:
        """All refusals, by kind."""
        return sum((Counter(outcome.refused) for outcome in self.outcomes), Counter())

    @property
    def p99(self) -> float:
        """Seconds that 99 % of the accepted waited at most."""
        return percentile([seconds for outcome in self.outcomes for seconds in outcome.seconds], 0.99)

    @property
    def conflicts(self) -> float:
        """Conflicts for each write."""
        writes = sum(outcome.writes for outcome in self.outcomes)
        return sum(outcome.conflicts for outcome in self.outcomes) / max(1, writes)


async def _outcome(process: asyncio.subprocess.Process) -> Outcome:
    assert process.stdout is not None
    return Outcome(**json.loads(await process.stdout.readline()))


@asynccontextmanager
async def desks(url: str, number: int) -> AsyncIterator[Desks]:
    """Run so many processes; they are ready when this returns."""
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "frame.desk", url, f"desk-{number}-{each}"),
            stdin=pipe,
            stdout=pipe,
            env=paths,
            limit=1 << 22,
        )
        for each in range(number)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        yield Desks(processes)
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in processes:
            await process.wait()


def raw(both: Both, pace: Pace) -> Side:
    """One caller who changes one document again and again: what the database can do to a single document."""
    collection = both.collection("raw")

    async def run() -> float:
        id = f"day-{next(_DAYS)}"
        await collection.insert_one({"_id": id, "v": 0, "text": "x" * 2_000})
        began, done = now(), 0
        while now() - began < pace.seconds:
            found = await collection.find_one({"_id": id})
            await collection.update_one({"_id": id, "v": found["v"]}, {"$inc": {"v": 1}, "$set": {"n": done}})
            done += 1
        return done / (now() - began)

    return run


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    rows, waits, seen = [], [], []
    async with database() as both:
        for figure, number in zip(FIGURES, PROCESSES, strict=False):
            async with AsyncExitStack() as stack:
                many = await stack.enter_async_context(desks(both.url, number))
                ours, beside = await in_turn(pace.runs, many.rush, raw(both, pace))
            rows.append(Measured(figure, ours, beside, _told(many)))
            waits.append(many.p99)
            seen.append(f"{number}: {many.p99:.2f} s")
        async with desks(both.url, 2) as two:
            (race,) = await in_turn(pace.runs, two.race)
    worst = Measured(FIGURES[-2], (max(waits),) * pace.runs, note=f"By number of processes {', '.join(seen)}.")
    return [*rows, worst, Measured(FIGURES[-1], race, note="In each race exactly one had the place.")]


def _told(many: Desks) -> str:
    refused = ", ".join(f"{count} {kind}" for kind, count in many.refused.items()) or "nobody"
    return f"{CALLERS} ask at once. {many.conflicts:.2f} conflicts for each write; refused: {refused}."


if __name__ == "__main__":
    main(__file__, measure)
