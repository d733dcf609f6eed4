"""Whether work costs more when more documents lie there: each step on many documents beside the same on a thousand.

Many are a million (``RATHAUS_BENCH_DOCUMENTS`` makes them fewer), or what the database takes in three minutes; the page
says how many they were.
"""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from chassis.aggregates import Key, Loaded
from chassis.clock import SystemClock
from chassis.ids import uuid7
from chassis.outbox import shard_of
from chassis.relay import Relay
from chassis.testing.clock import START
from chassis.testing.example import TENANT
from chassis.timers import Timer
from forms.applications.domain import Application, Fact
from forms.applications.store import Applications
from frame.figures import Figure, Measured, Pace, Side, in_turn, now
from frame.ground import Both, database
from frame.results import main

FEW: Final = 1_000
MANY: Final = int(os.environ.get("RATHAUS_BENCH_DOCUMENTS", "1000000"))
_AT_ONCE: Final = 500
_WRITERS: Final = 4
_FILL_SECONDS: Final = 180.0
_OF_ONE_ACCOUNT: Final = 10
STEPS: Final = {
    "create": "creation",
    "command": "command on an existing document",
    "list": "list of one account's documents",
    "collect": "relay's look where nothing is due",
    "timers": "timers' look where nothing is due",
}
_WRITTEN: Final = 20_000
"""Writes after which one more must cost what the first ones cost."""
FIGURES: Final = tuple(
    Figure(f"N-{step}", what, "ms", goal=1.3, floor=2.0, beside=beside, at_most=True)
    for step, what, beside in (
        *((step, f"{what}, among many", f"among {FEW:,}") for step, what in STEPS.items()),
        ("age", f"creation after {_WRITTEN:,} writes", "the first ones of a new database"),
    )
)


class Filled:
    """The applications of the forms service, so many of them, with all fields and indexes that they have for real."""

    def __init__(self, both: Both, size: int) -> None:
        self._both = both
        self._size = size
        self.size = 0
        """How many there are."""
        self._clock = SystemClock()
        self._database = f"size_{size}"
        self._ids: list[str] = []
        self._turn = itertools.count()

    async def fill(self) -> None:
        """Write the documents."""
        ours = type(self._both.ours)(self._both.ours._client, self._database)
        self.applications = Applications(ours, self._clock)
        await self.applications.prepare()
        made = await self._create("account-0")
        raw = self._both.raw.client[self._database]["applications"]
        example: dict[str, Any] = await raw.find_one({"_id": made.id})
        parts, until = iter(range(0, self._size, _AT_ONCE)), now() + _FILL_SECONDS

        async def write() -> None:
            for first in parts:
                if now() > until:
                    return
                await raw.insert_many([self._like(example, first + n) for n in range(_AT_ONCE)], ordered=False)

        await asyncio.gather(*(write() for _ in range(_WRITERS)))
        self.size = len(self._ids)
        self._relay = Relay(ours, [self.applications.documents], _nobody, me="bench", clock=self._clock)
        self._timer: Timer[Application] = Timer(self.applications, _nothing, clock=self._clock)

    def _like(self, example: dict[str, Any], number: int) -> dict[str, Any]:
        id = uuid7()
        self._ids.append(id)
        later = {"at": START + timedelta(days=3650, seconds=number)} if number % 5 == 0 else {}
        account = f"account-{number // _OF_ONE_ACCOUNT}"
        return {**example, **later, "_id": id, "shard": shard_of(id), "account": account, "reference": id[-12:]}

    async def _create(self, account: str) -> Any:
        key = Key(account, uuid7(), "d" * 64)
        return await self.applications.create(TENANT, key, lambda id: (_application(id, account), ()))

    async def create(self) -> None:
        """Make one more."""
        await self._create(f"new-{next(self._turn)}")

    async def grow_old(self) -> None:
        """Write as often as somebody does who has worked for a while."""
        left = iter(range(_WRITTEN))

        async def write() -> None:
            for _ in left:
                await self.create()

        await asyncio.gather(*(write() for _ in range(16)))

    async def command(self) -> None:
        """Change one."""
        id = self._ids[next(self._turn) * 7 % self.size]

        def decide(state: Application) -> tuple[Application, Sequence[Fact]]:
            return _application(state.id, state.account, answers={"turn": str(next(self._turn))}), ()

        await self.applications.command(TENANT, id, Key("bench", uuid7(), "d" * 64), decide)

    async def list(self) -> None:
        """Read what one account has."""
        account = f"account-{next(self._turn) * 13 % (self.size // _OF_ONE_ACCOUNT)}"
        found, _ = await self.applications.page(TENANT, account, None, 20)
        assert found, account

    async def collect(self) -> None:
        """Let the relay look."""
        await self._relay.round()

    async def timers(self) -> None:
        """Let the timers look."""
        assert not await self._timer.look()


def _application(id: str, account: str, **fields: Any) -> Application:
    known = {"service": "youth-medical-exam", "reference": id[-12:], "created_at": START, "changed_at": START}
    return Application(id=id, account=account, **{**known, "answers": {"text": "x" * 300}, **fields})


async def _nobody() -> Any:
    raise AssertionError("nothing is due, so nobody publishes")


async def _nothing(loaded: Loaded[Application]) -> None:
    raise AssertionError("nothing is due")


def _side(work: Callable[[], Awaitable[None]], pace: Pace) -> Side:
    async def run() -> float:
        began, done = now(), 0
        while now() - began < pace.seconds / 2:
            await work()
            done += 1
        return (now() - began) / done * 1000

    return run


async def measure(pace: Pace) -> Sequence[Measured]:
    """Measure all of this file."""
    rows = []
    async with database() as both:
        few, many = Filled(both, FEW), Filled(both, MANY)
        await few.fill()
        (young,) = await in_turn(pace.runs, _side(few.create, pace))
        await many.fill()
        for figure, step in zip(FIGURES, STEPS, strict=False):
            ours, beside = await in_turn(pace.runs, _side(getattr(many, step), pace), _side(getattr(few, step), pace))
            rows.append(Measured(figure, ours, beside, f"Many are {many.size:,}."))
        await few.grow_old()
        (old,) = await in_turn(pace.runs, _side(few.create, pace))
    rows.append(Measured(FIGURES[-1], old, young))
    return rows


if __name__ == "__main__":
    main(__file__, measure)
