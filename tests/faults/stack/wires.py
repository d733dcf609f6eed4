"""A wire between a client and a port of this machine that a test may cut, silence, slow down or make forgetful.

Own code, because what exists is no Python package (toxiproxy is a Go server, ``tc netem`` needs root and slows down the
whole loopback). A wire lives in a thread of its own, so that synchronous and asynchronous tests use it alike. A client
is led onto it by its address, or by ``rewire`` where the server tells its clients its own address, as Kafka does.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Final, Self

HOST: Final = "127.0.0.1"
_CHUNK: Final = 64 * 1024
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 s: closing sends RST."""
_Socket: Final = socket.socket
"""As it was before ``rewire`` may have led this very process onto its own wire."""


class Wire:
    """Leads from ``port`` to ``target``. A context manager; levers act at once and may be pulled from any thread."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.silent = False
        self.delay = 0.0
        """Seconds that bytes take, each way."""
        self.losses = 0.0
        """Share of the chunks that TCP has to send again: they and all behind them come 0.3 s later."""
        self.lost_answers = 0
        """Answers that never came because ``lose_answer`` was pulled."""
        self._losing: Callable[[bytes], bool] | None = None
        self._ends: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"wire to {target}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """Clients that hold a connection now, answered or not."""
        return len(self._ends)

    @property
    def silent_connections(self) -> int:
        """Those of them that will never get an answer."""
        return sum(end.dead for end in self._ends)

    def cut(self) -> None:
        """Reset all connections and refuse new ones."""
        self._do(self._cut())

    def silence(self) -> None:
        """Accept everything and answer nothing: half-open. What was connected meanwhile stays silent for good."""
        self.silent = True

    def lose_answer(self, request: Callable[[bytes], bool]) -> None:
        """Let one request for which this holds reach the server, and reset its connection when the answer comes."""
        self._losing = request

    def heal(self) -> None:
        """Let bytes through again, at once."""
        self.silent, self.delay, self.losses, self._losing = False, 0.0, 0.0, None
        self._do(self._listen())

    def lost(self, chunk: bytes) -> bool:
        """Whether the answer to this request shall never come."""
        if self._losing is None or not self._losing(chunk):
            return False
        self._losing = None
        self.lost_answers += 1
        return True

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in list(self._ends):
            end.reset()

    async def _close(self) -> None:
        await self._cut()
        while self._ends:
            await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = _Connection(self, reader, writer)
        self._ends.add(end)
        try:
            await end.run()
        finally:
            self._ends.discard(end)


class _Connection:
    """One client's connection and the one behind it."""

    def __init__(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._reader = reader
        self._writers = [writer]
        self.dead = False
        self._answer_lost = False

    def reset(self) -> None:
        for writer in self._writers:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def run(self) -> None:
        try:
            if self._wire.silent:
                self.dead = True
                await self._swallow(self._reader)
                return
            reader, writer = await _open(self._wire.target)
            self._writers.append(writer)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._lead(self._reader, writer, forth=True))
                both.create_task(self._lead(reader, self._writers[0], forth=False))
        except* OSError:
            pass
        finally:
            self.reset()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, forth: bool) -> None:
        """Hand chunks on in order, each when it is due."""
        line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sending = asyncio.create_task(self._send(line, writer))
        due, loop = 0.0, asyncio.get_running_loop()
        try:
            while chunk := await reader.read(_CHUNK):
                if self._wire.silent or self.dead:
                    self.dead = True
                    await self._swallow(reader)
                    break
                if forth:
                    self._answer_lost = self._answer_lost or self._wire.lost(chunk)
                elif self._answer_lost:
                    break
                late = 0.3 if random.random() < self._wire.losses else 0.0  # noqa: S311  no secret
                due = max(due, loop.time() + self._wire.delay + late)
                line.put_nowait((due, chunk))
        finally:
            sending.cancel()
        raise ConnectionAbortedError("one end has closed")

    async def _send(self, line: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while True:
                due, chunk = await line.get()
                await asyncio.sleep(due - loop.time())
                writer.write(chunk)
                await writer.drain()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(_CHUNK):
            pass


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = _Socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(connection, (HOST, port))
    except OSError:
        connection.close()
        raise
    return await asyncio.open_connection(sock=connection)
