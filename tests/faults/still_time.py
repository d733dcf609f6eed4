"""An event loop whose time stands until it is moved, and that hands back control as soon as nobody can go on."""

import asyncio
import selectors
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

import chassis.leases
import chassis.relay
import chassis.timers

T = TypeVar("T")


class _NeverWaits(selectors.SelectSelector):
    loop: "StillLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.loop.stop()
        return []


class StillLoop(asyncio.SelectorEventLoop):
    """Runs until everybody waits; ``moment`` is its time in seconds."""

    def __init__(self) -> None:
        self.moment = 1000.0
        selector = _NeverWaits()
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self.moment

    def run_until_quiet(self) -> None:
        self.run_forever()

    def end(self) -> None:
        """Cancel whatever still waits."""
        while tasks := asyncio.all_tasks(self):
            for task in tasks:
                task.cancel()
            self.run_until_quiet()
        self.close()


def patch_monotonic(patches: pytest.MonkeyPatch, loop: StillLoop) -> None:
    """Let the chassis read the loop's time where it reads the machine's."""
    clock = SimpleNamespace(monotonic=loop.time)
    for module in (chassis.leases, chassis.relay, chassis.timers):
        patches.setattr(module, "time", clock)


def at_once(doing: Coroutine[Any, Any, T]) -> T:
    """Run what never waits, such as the database in memory."""
    try:
        doing.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("it waited")
