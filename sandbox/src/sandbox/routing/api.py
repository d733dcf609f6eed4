"""The routing service: who is responsible for a service in a region (Routing API 2.0.0). Public, without key."""

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from joserfc import jws
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.clock import Clock
from sandbox.exchange import store as exchange_store
from sandbox.exchange.domain import Destination
from sandbox.gate import Gate
from sandbox.keys import Keyring
from sandbox.problems import ROUTING_API, Problem
from sandbox.routing.areas import ars_of_ags, ars_of_area, search
from sandbox.store import Store

LEIKA_URN = "urn:de:fim:leika:leistung:"
REGION_URN = "urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:rs:"
VERSION = {"major": 2, "minor": 0, "patch": 0}
DEFAULT_PAGE, MAX_PAGE = 100, 500

_SHAPES = {
    "ars": re.compile(r"\d{2}|\d{3}|\d{5}|\d{9}|\d{12}"),
    "ags": re.compile(r"\d{2}|\d{3}|\d{5}|\d{8}"),
    "areaId": re.compile(r"\d{1,12}"),
}


class RoutingApi:
    """Handlers of the endpoints."""

    def __init__(self, store: Store, clock: Clock, keys: Keyring, public_url: str) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys
        self._public_url = public_url

    async def routes(self, request: Request) -> Response:
        """GET the destinations that take a service for a region; none is an answer, too."""
        query = request.query_params
        service, ars = _service(query), _region(query)
        offset, limit = _page(query)
        everything = await self._store.run(exchange_store.destinations)
        found = [one for one in everything if ars is not None and _serves(one, service, ars)]
        page = found[offset : offset + limit]
        routes = [self._route(one) for one in page]
        return JSONResponse({"count": len(page), "offset": offset, "totalCount": len(found), "routes": routes})

    async def areas(self, request: Request) -> Response:
        """GET areas by name or postal code."""
        expressions = request.query_params.getlist("areaSearchexpression")
        if not 1 <= len(expressions) <= 10 or not all(expressions):
            raise _bad("areaSearchexpression: 1 to 10 expressions")
        offset, limit = _page(request.query_params)
        found = search(expressions)
        page = found[offset : offset + limit]
        areas = [{"id": area.id, "name": area.name, "type": area.type} for area in page]
        return JSONResponse({"count": len(page), "offset": offset, "totalCount": len(found), "areas": areas})

    async def info(self, request: Request) -> Response:
        """GET the version of this API."""
        return JSONResponse({"version": VERSION})

    async def jwks(self, request: Request) -> Response:
        """GET the key that verifies ``destinationSignature``."""
        return JSONResponse({"keys": [dict(self._keys.portal.public)]})

    def _route(self, one: Destination) -> dict[str, Any]:
        return {
            "destinationId": one.id,
            "destinationSignature": self._signature(one),
            "destinationName": one.name,
            "contactPersons": [{"name": "Auskunft (erfunden)", "email": "musterbehoerde@example.org"}],
            "origin": "Sandbox",
        }

    def _signature(self, one: Destination) -> str:
        claims = {
            "submissionHost": urlsplit(self._public_url).netloc,
            "iss": self._public_url,
            "services": [
                {
                    "gebietIDs": [REGION_URN + region.removeprefix("DE") for region in one.regions],
                    "leistungIDs": list(one.services),
                }
            ],
            "destinationId": one.id,
            "iat": int(self._clock.now().timestamp()),
            "jti": str(uuid.uuid4()),
        }
        header = {"alg": "PS512", "typ": "JWT", "kid": self._keys.portal.kid}
        return jws.serialize_compact(header, json.dumps(claims), self._keys.portal.private, algorithms=["PS512"])


def _serves(one: Destination, service: str, ars: str) -> bool:
    return one.status == "active" and service in one.services and one.covers("DE" + ars)


def _service(query: Mapping[str, str]) -> str:
    leika = query.get("leikaKey", "")
    if not re.fullmatch(r"99\d{12}", leika):
        raise _bad("leikaKey: 14 digits that begin with 99")
    return LEIKA_URN + leika


def _region(query: Mapping[str, str]) -> str | None:
    """The ARS asked for; None when the AGS or area is well-formed but unknown."""
    given = [name for name in _SHAPES if name in query]
    if len(given) != 1:
        raise _bad("exactly one of ars, ags, areaId")
    name = given[0]
    value = query[name]
    if not _SHAPES[name].fullmatch(value):
        raise _bad(f"{name}: {value!r} does not have an allowed number of digits")
    if name == "ars":
        return value
    return ars_of_ags(value) if name == "ags" else ars_of_area(value)


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    try:
        offset, limit = int(query.get("offset", "0")), int(query.get("limit", str(DEFAULT_PAGE)))
    except ValueError as error:
        raise _bad("offset and limit are integers") from error
    if offset < 0 or not 1 <= limit <= MAX_PAGE:
        raise _bad(f"offset from 0, limit from 1 to {MAX_PAGE}")
    return offset, limit


def _bad(detail: str) -> Problem:
    return Problem(400, "invalid-parameter", "Invalid parameter", detail, of=ROUTING_API)


def routes(gate: Gate, api: RoutingApi) -> list[Route]:
    """The endpoints of the routing service."""
    return [
        gate.route("GET", "/routing/v2/routes", "routes", api.routes),
        gate.route("GET", "/routing/v2/areas", "areas", api.areas),
        gate.route("GET", "/routing/v2/info", "routing-info", api.info),
        gate.route("GET", "/routing/.well-known/jwks.json", "routing-jwks", api.jwks),
    ]
