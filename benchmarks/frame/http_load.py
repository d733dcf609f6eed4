"""Requests over kept connections, as cheap as Python can send them: the load must not be what is measured."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def encode(self) -> bytes:
        """Return it as it goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "host: rathaus.test"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


class Connection:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.body = b""
        """Of the last answer."""

    async def send(self, request: bytes) -> int:
        """Send and read the whole answer; return its status."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0]
        self.body = await reader.readexactly(int(length)) if length else b""
        return int(head[9:12])

    def close(self) -> None:
        """Disconnect."""
        if self._streams is not None:
            self._streams[1].close()


class Refused(Exception):
    """The server answered something else than it should."""


async def answers(port: int, make: Callable[[], bytes], *, seconds: float, connections: int, status: int = 200) -> int:
    """Keep so many connections busy; return how often the expected answer came."""
    loop = asyncio.get_running_loop()
    opened = [Connection(port) for _ in range(connections)]
    began, done = loop.time(), 0

    async def keep_busy(connection: Connection) -> None:
        nonlocal done
        while loop.time() - began < seconds:
            answered = await connection.send(make())
            if answered != status:
                raise Refused(f"status {answered}, not {status}")
            done += 1

    try:
        await asyncio.gather(*map(keep_busy, opened))
    finally:
        for connection in opened:
            connection.close()
    return done
