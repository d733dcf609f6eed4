"""Requests that arrive whether or not those before were answered (an open loop), from a process of its own.

People don't wait for each other, so neither does this: every request is sent at its moment, over a free connection or
a new one, and a late answer delays none. None is a repeat of another, nor of one of an earlier run. A request costs
0.04 to 0.17 ms of a core (measured on a busy one), so up to some 5,000 requests/s come out of a free core. How late the
generator itself was stands in ``Answers.lateness``; a figure is worth little where that is large.
"""

import asyncio
import contextlib
import json
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

_TICK: Final = 0.001
_LAST_ANSWERS: Final = 15.0
"""Seconds to wait for answers after the last request was sent."""
_NO_ANSWER: Final = 0
"""Status of a request that got none."""


@dataclass(frozen=True)
class Load:
    """Requests of one kind, at an even rate or by callers. Each has an Idempotency-Key of its own."""

    name: str
    path: str
    rate: float = 0.0
    """Requests per second."""
    callers: int = 0
    """People who ask again as soon as they are answered, to find out what a server can do."""
    method: str = "GET"
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    begin: float = 0.0
    """Seconds after the start at which the first one is sent."""
    end: float = float("inf")


@dataclass(frozen=True)
class Answer:
    """What became of one request; times in seconds."""

    sent: float
    """Since the start."""
    took: float
    status: int
    """0 where the connection broke or nothing came."""
    retry_after: bool


@dataclass(frozen=True)
class Answers:
    """What became of one load's requests, in the order of their answers."""

    lateness: float
    """Seconds that the generator sent too late, 99th percentile over all loads."""
    all: Sequence[Answer]

    def of(self, *statuses: int) -> list[Answer]:
        """Return those with one of these statuses."""
        return [answer for answer in self.all if answer.status in statuses]

    @property
    def counts(self) -> dict[int, int]:
        """Number of answers by status."""
        return dict(sorted(Counter(answer.status for answer in self.all).items()))


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return the time, in seconds, within which this share of the answers came."""
    times = sorted(answer.took for answer in answers)
    return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


async def send(port: int, loads: Sequence[Load], seconds: float) -> dict[str, Answers]:
    """Send loads to a port on this machine from another process; return each load's answers by its name.

    Raises:
        RuntimeError: the process ended with an error.
    """
    plan = {"port": port, "seconds": seconds, "loads": [asdict(load) for load in loads]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        printed, _ = await process.communicate(json.dumps(plan).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    found = json.loads(printed)
    return {
        name: Answers(found["lateness"], [Answer(*answer) for answer in answers])
        for name, answers in found["answers"].items()
    }


class _Connection(asyncio.Protocol):
    """One connection with one request under way at a time."""

    def __init__(self, sender: "_Sender") -> None:
        self._sender = sender
        self._transport: Any = None
        self._held = b""
        self._since = 0.0
        self._load: Load
        self.busy = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def send(self, load: Load, request: bytes, since: float) -> None:
        self._load, self._since, self.busy = load, since, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._held[:end].lower()
        _, _, rest = head.partition(b"\r\ncontent-length:")
        length = int(rest.partition(b"\r\n")[0] or 0)
        if len(self._held) < end + 4 + length:
            return
        self._held = b""
        self._done(int(head[9:12]), b"\r\nretry-after:" in head)
        if b"\r\nconnection: close" in head:
            self._transport.close()
        else:
            self._sender.free.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._sender.free:
            self._sender.free.remove(self)
        if self.busy:
            self._done(_NO_ANSWER, False)

    def _done(self, status: int, retry_after: bool) -> None:
        self.busy = False
        self._sender.note(self._load, self._since, status, retry_after)


class _Sender:
    def __init__(self, port: int, loads: Sequence[Load], seconds: float) -> None:
        self._port = port
        self._loads = loads
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._run = secrets.token_hex(4)
        self._number = 0
        self._under_way = 0
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._late: list[float] = []
        self._opening: set[asyncio.Task[None]] = set()
        self.free: list[_Connection] = []
        self.answers: dict[str, list[tuple[float, float, int, bool]]] = {load.name: [] for load in loads}

    async def run(self) -> float:
        """Send everything; return the lateness."""
        due = [load.begin if load.rate else self._seconds for load in self._loads]
        for load in self._loads:
            for _ in range(load.callers):
                self._send(load)
        while (now := self._loop.time() - self._begun) < self._seconds:
            for index, load in enumerate(self._loads):
                while due[index] <= min(now, load.end):
                    self._late.append(now - due[index])
                    self._send(load)
                    due[index] += 1 / load.rate
            await asyncio.sleep(_TICK)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ANSWERS):
                await self._all_answered.wait()
        return sorted(self._late)[int(len(self._late) * 0.99)] if self._late else 0.0

    def note(self, load: Load, since: float, status: int, retry_after: bool) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._all_answered.set()
        now = self._loop.time()
        self.answers[load.name].append((round(since - self._begun, 5), round(now - since, 5), status, retry_after))
        if load.callers and now - self._begun < self._seconds:
            self._loop.call_soon(self._send, load)

    def _send(self, load: Load) -> None:
        self._number += 1
        self._under_way += 1
        self._all_answered.clear()
        request, since = self._request(load), self._loop.time()
        if self.free:
            self.free.pop().send(load, request, since)
            return
        task = self._loop.create_task(self._open(load, request, since))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, load: Load, request: bytes, since: float) -> None:
        try:
            _, connection = await self._loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        except OSError:
            self.note(load, since, _NO_ANSWER, False)
        else:
            connection.send(load, request, since)

    def _request(self, load: Load) -> bytes:
        body = load.body.encode()
        headers = {"host": "town.test", "idempotency-key": f"{load.name}-{self._run}-{self._number}", **load.headers}
        if body or load.method != "GET":
            headers = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{load.method} {load.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def _main() -> None:
    plan = json.load(sys.stdin)
    sender = _Sender(plan["port"], [Load(**load) for load in plan["loads"]], plan["seconds"])
    lateness = await sender.run()
    json.dump({"lateness": lateness, "answers": sender.answers}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(_main())
