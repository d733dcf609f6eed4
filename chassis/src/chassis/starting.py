"""How a process opens: patiently, and with an answer to whoever asks meanwhile where that takes long."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from fastapi import APIRouter
from starlette.types import ASGIApp

from chassis.builds import Builds
from chassis.errors import Transient
from chassis.health import health_router
from chassis.http import create_app

_log = logging.getLogger(__name__)
T = TypeVar("T")

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class StartFailed(Exception):
    """Something that the service cannot do without was not there in time, or the process was asked to stop."""


class NotOpen(Transient):
    """The process has begun and does not work yet."""


async def patiently(what: str, attempt: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Try until it works: at start everything starts at once.

    Raises:
        StartFailed: not within so many seconds.
    """
    loop = asyncio.get_running_loop()
    until, delay, told = loop.time() + seconds, 0.1, False
    while True:
        try:
            return await attempt()
        except Exception as error:
            if loop.time() + delay > until:
                raise StartFailed(f"no {what} within {seconds:g} s ({type(error).__name__})") from error
            if not told:
                _log.info("waiting", extra={"fields": {"what": what, "reason": type(error).__name__}})
                told = True
        await asyncio.sleep(delay)
        delay = min(delay * 1.5, 2.0)


async def until_open(
    opening: "asyncio.Task[None]", stopping: asyncio.Event, builds: Builds, answer: Callable[[], Awaitable[None]]
) -> None:
    """Wait until the process is open; where it builds an index for long, let it answer before that.

    Raises:
        StartFailed: the process was asked to stop, or what it needs was not there.
    """
    stops, long = asyncio.create_task(stopping.wait()), asyncio.create_task(builds.long.wait())
    try:
        await asyncio.wait({opening, stops, long}, return_when=asyncio.FIRST_COMPLETED)
        if long.done() and not opening.done():
            await answer()
            await asyncio.wait({opening, stops}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            raise StartFailed("asked to stop while starting")
        await opening
    finally:
        for task in (stops, long, opening):
            task.cancel()
        await asyncio.wait({opening})


def tell_why_not_open(error: BaseException, stopping: asyncio.Event) -> None:
    """Log why the process did not open."""
    if stopping.is_set():
        _log.info("stopped while starting")
    elif isinstance(error, StartFailed):
        _log.critical("start failed", extra={"fields": {"reason": str(error)}})
    else:
        _log.critical("start failed", exc_info=error, extra={"fields": {"reason": type(error).__name__}})


def not_open(name: str, builds: Builds) -> ASGIApp:
    """Return what answers while the process opens: it is alive, not ready, and everybody else is to come again."""
    anything = APIRouter(include_in_schema=False)

    @anything.api_route("/{path:path}", methods=_METHODS, response_model=None)
    async def refuse(path: str) -> NoReturn:
        raise NotOpen(path)

    async def start() -> str:
        return f"the service opens once this index is built: {builds}"

    return create_app(name, [health_router(name, {"start": start}), anything], {})
