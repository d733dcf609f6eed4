"""What every request passes first and every answer last: limits on the body, headers, and the last resort."""

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.problems import PROBLEMS, Refused, answer, unexpected

_log = logging.getLogger(__name__)

KIB: Final = 1 << 10
MIB: Final = 1 << 20
MAX_BODY: Final = MIB
"""Bytes that a body may have where its route says nothing else."""
MAX_HEADERS: Final = 32 * KIB
"""Bytes of all headers together."""
GRACE: Final = 10.0
"""Seconds that any body may take."""
SLOWEST: Final = 100 * KIB
"""Bytes per second that a body must reach beyond the grace: a slow phone does, an attacker holding sockets does not."""

_KEY: Final = "rathaus.body"
PROTECTING: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""Headers of every answer."""


class Body:
    """Counts what arrives of one request's body and refuses what is too much or too slow.

    A route may change ``max_bytes`` until the first byte is read; the time limit follows from it.
    """

    def __init__(self, receive: Receive, declared: str | None) -> None:
        self._receive = receive
        self._declared = int(declared) if declared and declared.isascii() and declared.isdigit() else 0
        self._deadline: float | None = None
        self._seen = 0
        self._complete = False
        self.max_bytes = MAX_BODY

    async def receive(self) -> Message:
        """Return the next piece.

        Raises:
            Refused: 413 before reading more than allowed, at once where the declared length says so; 408 when the
                whole is not there within the time limit.
        """
        if self._complete:
            return await self._receive()
        self._check_size(self._declared)
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + GRACE + self.max_bytes / SLOWEST
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Refused(408, headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            self._check_size(self._seen)
            self._complete = not message.get("more_body", False)
        return message

    def _check_size(self, size: int) -> None:
        if size > self.max_bytes:
            detail = f"Erlaubt sind höchstens {self.max_bytes} Byte."
            raise Refused(413, detail, headers={"Connection": "close"})


def limit_body(scope: MutableMapping[str, Any], max_bytes: int) -> None:
    """Set the limit of the request that is being handled."""
    body = scope.get(_KEY)
    if isinstance(body, Body):
        body.max_bytes = max_bytes


class Edge:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = Body(receive, Headers(scope=scope).get("content-length"))
        reply = _Reply(send, only_head=scope["method"] == "HEAD")
        refused = _refused(scope)
        if refused is not None:
            await refused(scope, body.receive, reply.send)
            return
        inner = {**scope, _KEY: body, "method": "GET" if reply.only_head else scope["method"]}
        try:
            await self._app(inner, body.receive, reply.send)
        except Exception as error:
            if reply.over:
                return
            if reply.started:
                _log.error("answer broke off", exc_info=error)
                raise
            await unexpected(scope["path"], error)(inner, body.receive, reply.send)


def _refused(scope: Scope) -> Response | None:
    """Return an answer to what no route should see: heads too large, paths that no thing has."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        return answer(scope["path"], PROBLEMS[431], headers={"Connection": "close"})
    if not scope["path"].isprintable():
        return answer(scope["path"], PROBLEMS[404])
    return None


class _Reply:
    """Adds the headers that every answer has; of an answer to HEAD it sends the headers only."""

    def __init__(self, send: Send, *, only_head: bool) -> None:
        self._send = send
        self.only_head = only_head
        self.started = False
        self.over = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in PROTECTING.items():
                headers.setdefault(name, value)
        elif self.only_head:
            if self.over:
                # How a server tells an application that nobody listens any more: ends a stream.
                raise OSError("the answer to HEAD is complete")
            self.over = True
            message = {**message, "body": b"", "more_body": False}
        await self._send(message)
