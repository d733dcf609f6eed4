"""The levers of a fault town: what can be done to a part from outside, and to a service's process from inside."""

import asyncio
import json
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.topics import SERVICES
from rathaus.stack import Ports, Stack
from rathaus.stack.testing import wall

INSIDE = Path(__file__).parent / "inside"
POINTS: frozenset[str] = frozenset(json.loads((INSIDE / "points.json").read_text()))
PARTS = ("database", "kafka", "mailbox", "sandbox", *SERVICES, "gateway")
"""A town hall without portal and trace page, which hold nothing that could be lost."""

When = Literal["before", "after"]
Act = Literal["kill", "pause", "fail"]


@dataclass(frozen=True)
class Strike:
    """A fault that has struck inside a process."""

    pid: int
    when: str
    point: str


def environment(home: Path, ports: Ports) -> dict[str, str]:
    """What opens the services of a stack for faults; the wall between them stands as well."""
    behind = wall(home, ports)
    return {
        **behind,
        "PYTHONPATH": f"{INSIDE}:{behind['PYTHONPATH']}",
        "FAULTS": str(_folder(home)),
        "OTEL_TRACES_EXPORTER": "none",
    }


def _folder(home: Path) -> Path:
    folder = home / "faults"
    folder.mkdir(exist_ok=True)
    return folder


class Levers:
    """Faults for one stack that was started with ``environment``."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._folder = _folder(stack.home)

    # Inside a service's process

    def arm(
        self,
        service: str,
        point: str,
        when: When = "before",
        *,
        act: Act = "kill",
        call: int = 1,
        times: int = 1,
        inside: str = "",
        late: float = 0.0,
    ) -> None:
        """Order a fault at a point (``inside/points.json``) of a service's process.

        Args:
            service: the service; of several processes the first that comes by strikes.
            point: where.
            when: before the point's function begins or after it has ended well.
            act: ``kill`` (SIGKILL), ``pause`` (SIGSTOP), or ``fail``: the call raises OSError.
            call: at which passing of the point, counted from now in each process.
            times: how often in all.
            inside: only while this other point's function is running around it.
            late: seconds from the point to the signal, e.g. to have sent what was only put into a buffer.
        """
        assert {point, inside} <= POINTS | {""}, (point, inside)
        order = {"point": point, "when": when, "act": act, "call": call, "times": times, "inside": inside, "late": late}
        aside = self._folder / f"{service}.new"
        aside.write_text(json.dumps(order))
        aside.replace(self._folder / f"{service}.json")

    def disarm(self) -> None:
        """Take back all orders."""
        for file in [*self._folder.glob("*.json"), *self._folder.glob("*.skew")]:
            file.unlink(missing_ok=True)

    def strikes(self, service: str) -> list[Strike]:
        """All faults so far that were ordered and have struck."""
        file = self._folder / f"{service}.struck"
        lines = file.read_text().splitlines() if file.exists() else []
        return [Strike(int(pid), when, point) for pid, when, point in map(str.split, lines)]

    def count(self, service: str) -> int:
        """How many faults have struck in a service so far."""
        return len(self.strikes(service))

    async def struck(self, service: str, times: int, seconds: float = 180) -> Strike:
        """Wait until a service has been struck so often in all; return the last strike."""
        async with asyncio.timeout(seconds):
            while self.count(service) < times:
                await asyncio.sleep(0.05)
        return self.strikes(service)[times - 1]

    async def strike(self, service: str, point: str, when: When = "before", **how: object) -> Strike:
        """``arm`` and wait until it has struck as often as was ordered; the process is restarted by then."""
        before = self.count(service)
        self.arm(service, point, when, **how)  # type: ignore[arg-type]
        times = how.get("times", 1)
        assert isinstance(times, int)
        return await self.struck(service, before + times)

    def skew(self, service: str, seconds: float) -> None:
        """Make one service's clock wrong by so many seconds, unlike those of all others."""
        (self._folder / f"{service}.skew").write_text(str(seconds))

    # From outside

    async def kill(self, *names: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill parts, all at one moment, and wait until each is back and does its work."""
        before = {name: self.stack.pid(name) for name in names}
        for name in names:
            self.stack.kill(name, number)
        await asyncio.gather(*(asyncio.to_thread(self.stack.wait_restarted, name, pid) for name, pid in before.items()))

    async def paused(self, name: str, seconds: float) -> None:
        """Stop a part where it stands for so long, then let it go on."""
        self.stack.pause(name)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.stack.resume(name)

    async def all_ready(self, seconds: float = 120) -> float:
        """Wait until every part does its work; return the seconds."""
        began = time.monotonic()
        await asyncio.gather(*(asyncio.to_thread(self.stack.wait_ready, name, seconds) for name in self.stack.names))
        return time.monotonic() - began
