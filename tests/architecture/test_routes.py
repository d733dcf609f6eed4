"""What every route of every service has in common."""

import importlib
import inspect
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from contracts.topics import SERVICES

OPENAPI = Path(__file__).parents[2] / "openapi"
OF_ALL_MUNICIPALITIES = {"/api/identity/v1/jwks"}
"""Keys of the installation: whoever checks a token needs them before he knows whose it is."""


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


@pytest.mark.proves("PL-11")
@pytest.mark.parametrize("service", SERVICES)
def test_every_route_names_its_municipality(service: str) -> None:
    paths = json.loads((OPENAPI / f"{service}.json").read_text(encoding="utf-8"))["paths"]
    assert paths
    without = {path for path in paths if not path.startswith(f"/api/{service}/v1/{{ars}}/")}
    assert without <= OF_ALL_MUNICIPALITIES
