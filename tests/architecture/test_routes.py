"""What every route of every service has in common."""

import importlib
import inspect
from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from contracts.topics import SERVICES


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for part in dependant.dependencies:
        yield from _calls(part)


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_of_a_request_goes_through_a_thread(service: str) -> None:
    """FastAPI runs every route and dependency that is not async in a thread, which costs more than the route itself."""
    app = importlib.import_module(f"{service.replace('-', '_')}.app")
    routes = [route for router in app.ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    called = [(route.path, call) for route in routes for call in _calls(route.dependant)]
    slow = [
        f"{path}: {call!r}"
        for path, call in called
        if not inspect.iscoroutinefunction(call) and not inspect.isasyncgenfunction(call)
    ]
    assert called
    assert slow == []
