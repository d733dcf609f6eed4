"""Alive and ready: answers that tell the truth, each cause by its name."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import JSONResponse

from chassis.clock import MAX_DRIFT, Clock, SystemClock

Check = Callable[[], Awaitable[str | None]]
"""None where all is well, else why not: for operators, without personal data and secrets."""

TIME_LIMIT: Final = 2.0
"""Seconds that a check may take; a dependency that needs longer does not work."""


def health_router(service: str, checks: Mapping[str, Check]) -> APIRouter:
    """Return ``/health`` (the loop turns) and ``/ready`` (200 or 503, with every check by name)."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health")
    async def health() -> dict[str, Any]:
        return {"service": service, "alive": True}

    @router.get("/ready")
    async def ready() -> JSONResponse:
        reasons = await asyncio.gather(*(_ask(check) for check in checks.values()))
        found = {
            name: {"ok": True} if reason is None else {"ok": False, "reason": reason}
            for name, reason in zip(checks, reasons, strict=True)
        }
        good = all(reason is None for reason in reasons)
        return JSONResponse({"service": service, "ready": good, "checks": found}, 200 if good else 503)

    return router


async def _ask(check: Check) -> str | None:
    try:
        async with asyncio.timeout(TIME_LIMIT):
            return await check()
    except TimeoutError:
        return f"no answer within {TIME_LIMIT:g} s"
    except Exception as error:
        return type(error).__name__


def clock_check(clock: Clock) -> Check:
    """Red where this machine's clock is too far from the database's: leases and holds would be judged wrongly."""

    async def check() -> str | None:
        if isinstance(clock, SystemClock) and abs(clock.drift) > MAX_DRIFT:
            return f"the clock is {clock.drift.total_seconds():+.3f} s off, at most {MAX_DRIFT.total_seconds():g} s"
        return None

    return check


def task_check(task: asyncio.Task[Any]) -> Check:
    """Red where a task that runs for good has ended: nothing else would say so."""

    async def check() -> str | None:
        return f"{task.get_name()} has stopped" if task.done() else None

    return check
