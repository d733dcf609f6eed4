"""A figure: what is measured, beside what, and how good it has to be; runs of both sides in turn."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

Side = Callable[[], Awaitable[float]]
"""One run of one side; returns its value, e.g. operations per second."""


@dataclass(frozen=True)
class Pace:
    """How long is measured."""

    runs: int
    seconds: float
    """Length of one run of one side."""


FULL: Final = Pace(runs=5, seconds=1.0)
"""For the page of figures."""
BRIEF: Final = Pace(runs=3, seconds=0.3)
"""For the tests that see whether a figure has fallen under its floor."""


@dataclass(frozen=True)
class Figure:
    """A row of the page. Its value is the ratio of both sides, or our own value where there is nothing beside."""

    id: str
    """A row's name, e.g. ``P2``; unique over all measurements."""
    what: str
    unit: str
    goal: float
    floor: float
    """A regression, if the median is worse: a machine's noise explains less than this. It follows what is measured, so
    where a goal is long reached it may be the stricter of the two."""
    beside: str = ""
    """The raw limit or the peer of the same run."""
    at_most: bool = False
    """Whether less is better."""
    bound: str = ""
    """What bounds it, and what was done about it."""

    def reaches(self, value: float, limit: float) -> bool:
        """Whether a value is as good as a limit."""
        return value <= limit if self.at_most else value >= limit


@dataclass(frozen=True)
class Measured:
    """All runs of a figure."""

    figure: Figure
    ours: tuple[float, ...]
    beside: tuple[float, ...] = field(default=())
    note: str = ""
    """What was seen on the way, e.g. a count that must be 0."""

    @property
    def values(self) -> tuple[float, ...]:
        """The figure's value in each run."""
        if not self.beside:
            return self.ours
        return tuple(ours / beside for ours, beside in zip(self.ours, self.beside, strict=True))

    @property
    def median(self) -> float:
        """The figure's value."""
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.figure.reaches(self.median, self.figure.goal)

    @property
    def has_fallen(self) -> bool:
        """Whether the value is under the floor: somebody made it worse."""
        return not self.figure.reaches(self.median, self.figure.floor)


async def in_turn(runs: int, *sides: Side) -> list[tuple[float, ...]]:
    """Run all sides once to warm up, then in turn, every other round backwards; the values of each side.

    What slows the machine down for some seconds so meets all sides alike.
    """
    for side in sides:
        await side()
    found: list[list[float]] = [[] for _ in sides]
    for number in range(runs):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for index in order:
            found[index].append(await sides[index]())
    return [tuple(values) for values in found]


async def rate(work: Callable[[], Awaitable[object]], *, seconds: float, callers: int) -> float:
    """Let so many callers repeat some work, each after its own last answer; how often it was done in a second."""
    loop = asyncio.get_running_loop()
    began, done = loop.time(), 0

    async def call() -> None:
        nonlocal done
        while loop.time() - began < seconds:
            await work()
            done += 1

    await asyncio.gather(*(call() for _ in range(callers)))
    return done / (loop.time() - began)


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def now() -> float:
    """Return seconds for differences."""
    return time.perf_counter()
