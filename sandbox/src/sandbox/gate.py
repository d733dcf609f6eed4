"""What every request passes: the caller's name, the trace, ordered failures, and problems as answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.tracing import SpanKind, span
from sandbox.faults import Fault, Faults
from sandbox.problems import Problem

Handler = Callable[[Request], Awaitable[Response]]
Translate = Callable[[Exception], Problem | None]

_log = logging.getLogger(__name__)

RATE_LIMIT = {"RateLimit-Limit": "60", "RateLimit-Remaining": "0", "RateLimit-Reset": "1"}


class Gate:
    """Wraps handlers into routes."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._endpoints: list[str] = []

    @property
    def endpoints(self) -> Sequence[str]:
        """Names by which failures can be ordered."""
        return self._endpoints

    def route(
        self,
        method: str,
        path: str,
        endpoint: str,
        handler: Handler,
        *,
        translate: Translate = lambda error: None,
        needs_user_agent: bool = True,
    ) -> Route:
        """A route; ``translate`` turns the noun's own errors into problems.

        Requests without User-Agent get 403, as FIT-Connect's protection against robots answers them.
        """
        self._endpoints.append(endpoint)

        async def answer(request: Request) -> Response:
            parent = request.headers.get("traceparent")
            # Polling without a trace of its own would only fill the trace store.
            timed = span(f"sandbox {endpoint}", parent, kind=SpanKind.SERVER) if parent else nullcontext()
            with timed:
                try:
                    return await self._pass(request, endpoint, handler, needs_user_agent=needs_user_agent)
                except Exception as error:
                    problem = error if isinstance(error, Problem) else translate(error)
                    if problem is None:
                        raise
                    return problem.response(request.url.path)

        return Route(path, answer, methods=[method], name=endpoint)

    async def _pass(self, request: Request, endpoint: str, handler: Handler, *, needs_user_agent: bool) -> Response:
        agent = request.headers.get("user-agent", "")
        if needs_user_agent and not agent:
            raise Problem(403, "user-agent-missing", "Forbidden", "send a meaningful User-Agent")
        fault = self._faults.take(endpoint, agent)
        if fault is None:
            return await handler(request)
        _log.info("ordered failure", extra={"fields": {"endpoint": endpoint, "kind": fault.kind}})
        return await _fail(request, fault, handler)


async def _fail(request: Request, fault: Fault, handler: Handler) -> Response:
    match fault.kind:
        case "429":
            raise Problem(429, "too-many-requests", "Too many requests", headers=RATE_LIMIT)
        case "500" | "503":
            raise Problem(int(fault.kind), "technical-error", "Technical error")
        case "garbage":
            return Response('{"unfinished": [', media_type="application/json")
        case "lost":
            await handler(request)
    await asyncio.sleep(fault.seconds)
    raise Problem(504, "gateway-timeout", "Gateway timeout")


async def unknown_path(request: Request, error: Exception) -> Response:
    """404 and 405 of the framework as problems."""
    status = getattr(error, "status_code", 404)
    slug, title = ("method-not-allowed", "Method not allowed") if status == 405 else ("not-found", "Not found")
    headers = getattr(error, "headers", None)
    return Problem(status, slug, title, headers=headers).response(request.url.path)


async def bug(request: Request, error: Exception) -> JSONResponse:
    """500 as a problem; the server logs the error."""
    return Problem(500, "technical-error", "Technical error").response(request.url.path)
