"""Levers for tests: ordered failures, the authority's behaviour, and a look into its inbox. Loopback only."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.clock import Clock
from sandbox.authority import inbox
from sandbox.authority.behaviour import Behaviour, Order
from sandbox.authority.domain import Mode
from sandbox.authority.inbox import Received
from sandbox.authority.problems import TITLES, reason
from sandbox.bodies import read_object
from sandbox.exchange import store as exchange_store
from sandbox.exchange.domain import Destination, Reason, Submission
from sandbox.faults import KINDS, Fault, Faults
from sandbox.gate import Gate, Handler
from sandbox.oauth import tokens
from sandbox.problems import Problem
from sandbox.store import Store

STATUSES = ("created", "active", "inactive", "decommissioned")


class Admin:
    """Handlers of the levers."""

    def __init__(
        self, store: Store, clock: Clock, gate: Gate, faults: Faults, behaviour: Behaviour, wake: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._gate = gate
        self._faults = faults
        self._behaviour = behaviour
        self._wake = wake

    async def overview(self, request: Request) -> Response:
        """GET what can be ordered."""
        return JSONResponse(
            {
                "now": self._clock.now().isoformat(),
                "endpoints": list(self._gate.endpoints),
                "kinds": dict(KINDS),
                "modes": list(Mode),
                "problems": dict(TITLES),
            }
        )

    async def order_fault(self, request: Request) -> Response:
        """POST ``{endpoint, kind, times?, seconds?, spare_authority?}``: 201 with its number."""
        body = _known(await read_object(request), {"endpoint", "kind", "times", "seconds", "spare_authority"})
        fault = Fault(
            endpoint=_one_of(body, "endpoint", self._gate.endpoints),
            kind=_one_of(body, "kind", tuple(KINDS)),
            times=_count(body.get("times", 1)),
            seconds=_seconds(body.get("seconds", 30)),
            spare_authority=_flag(body.get("spare_authority", True)),
        )
        return JSONResponse({"fault_id": self._faults.order(fault)}, 201)

    async def faults(self, request: Request) -> Response:
        """GET the open orders of failures."""
        return JSONResponse({"faults": self._faults.open()})

    async def clear_faults(self, request: Request) -> Response:
        """DELETE all orders of failures."""
        self._faults.clear()
        return Response(status_code=204)

    async def order_behaviour(self, request: Request) -> Response:
        """POST ``{mode, times?, reference?, destination_id?, problems?}``: 201; ``times`` null means for good."""
        body = _known(await read_object(request), {"mode", "times", "reference", "destination_id", "problems"})
        times = body.get("times", 1)
        order = Order(
            mode=Mode(_one_of(body, "mode", tuple(Mode))),
            times=None if times is None else _count(times),
            reference=body.get("reference"),
            destination_id=body.get("destination_id"),
        )
        if "problems" in body:
            order = replace(order, problems=_reasons(body["problems"]))
        return JSONResponse({"order_id": self._behaviour.order(order)}, 201)

    async def behaviours(self, request: Request) -> Response:
        """GET the open orders of behaviour."""
        return JSONResponse({"orders": self._behaviour.open()})

    async def clear_behaviours(self, request: Request) -> Response:
        """DELETE all orders of behaviour; what is silent already stays so until it is released."""
        self._behaviour.clear()
        return Response(status_code=204)

    async def release(self, request: Request) -> Response:
        """POST: the authority now treats this submission properly."""
        id = request.path_params["submission"]
        if not await self._store.run(lambda db: inbox.set_mode(db, id, Mode.NORMAL)):
            raise Problem(404, "submission-not-found", "Not in the inbox", id)
        self._wake()
        return Response(status_code=204)

    async def inbox(self, request: Request) -> Response:
        """GET what the authority has received, the newest first, without contents; ``?reference=&limit=`` narrow it."""
        reference, limit = request.query_params.get("reference"), request.query_params.get("limit", "200")
        if not limit.isdecimal() or len(limit) > 6:
            raise _bad("limit must be a number of at most 6 digits")
        rows = await self._store.run(lambda db: inbox.newest(db, reference, int(limit)))
        return JSONResponse({"inbox": [_row(one) for one in rows]})

    async def received(self, request: Request) -> Response:
        """GET one submission as the authority reads it: decrypted metadata and data, files by hash."""
        one = await self._inbox_row(request)
        contents = await self._store.run(lambda db: inbox.files(db, one.submission_id))
        files = {
            id: None if content is None else {"size": len(content), "sha512": hashlib.sha512(content).hexdigest()}
            for id, content in contents.items()
        }
        opened = {"metadata": _json(one.metadata), "data": _json(one.data), "attachments": files}
        return JSONResponse({**_row(one), **opened})

    async def received_file(self, request: Request) -> Response:
        """GET the plain bytes of one attachment."""
        one = await self._inbox_row(request)
        contents = await self._store.run(lambda db: inbox.files(db, one.submission_id))
        content = contents.get(request.path_params["attachment"])
        if content is None:
            raise Problem(404, "attachment-not-found", "No such attachment, or it could not be decrypted")
        return Response(content, media_type="application/octet-stream")

    async def _inbox_row(self, request: Request) -> Received:
        id = request.path_params["submission"]
        found = await self._store.run(lambda db: inbox.get(db, id))
        if found is None:
            raise Problem(404, "submission-not-found", "Not in the inbox", id)
        return found

    async def submissions(self, request: Request) -> Response:
        """GET the delivery service's latest submissions, the newest first."""
        rows = await self._store.run(lambda db: exchange_store.newest(db, 200))
        return JSONResponse({"submissions": [_submission(one) for one in rows]})

    async def change_destination(self, request: Request) -> Response:
        """PATCH ``{status?, regions?, services?, schemas?, reply_channels?}`` of a destination; kept over a restart."""
        lists = ("regions", "services", "schemas", "reply_channels")
        body = _known(await read_object(request), {"status", *lists})
        changes: dict[str, Any] = {name: _texts(body, name) for name in lists if name in body}
        if "status" in body:
            changes["status"] = _one_of(body, "status", STATUSES)
        id = request.path_params["destination"]

        def change(db: Any) -> Destination:
            found = exchange_store.destination(db, id)
            if found is None:
                raise Problem(404, "destination-not-found", "Destination not found", id)
            changed = replace(found, **changes)
            exchange_store.save_destination(db, changed)
            return changed

        return JSONResponse(asdict(await self._store.run(change)))

    async def revoke_tokens(self, request: Request) -> Response:
        """DELETE every access token of the exchange: callers get 401 and must fetch anew."""
        await self._store.run(tokens.revoke_all)
        return Response(status_code=204)


def routes(admin: Admin) -> list[Route]:
    """The levers; they pass a gate of their own, so that no ordered failure hits them."""
    gate = Gate(Faults())
    table = [
        ("GET", "", admin.overview),
        ("POST", "/faults", admin.order_fault),
        ("GET", "/faults", admin.faults),
        ("DELETE", "/faults", admin.clear_faults),
        ("POST", "/authority", admin.order_behaviour),
        ("GET", "/authority", admin.behaviours),
        ("DELETE", "/authority", admin.clear_behaviours),
        ("GET", "/authority/inbox", admin.inbox),
        ("GET", "/authority/inbox/{submission}", admin.received),
        ("GET", "/authority/inbox/{submission}/attachments/{attachment}", admin.received_file),
        ("POST", "/authority/inbox/{submission}/release", admin.release),
        ("GET", "/submissions", admin.submissions),
        ("PATCH", "/destinations/{destination}", admin.change_destination),
        ("DELETE", "/tokens", admin.revoke_tokens),
    ]
    return [
        gate.route(method, "/admin" + path, f"admin {method} {path}", _local(handler), needs_user_agent=False)
        for method, path, handler in table
    ]


def _local(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        if request.client is None or not ip_address(request.client.host).is_loopback:
            raise Problem(403, "forbidden", "Forbidden", "only from this machine")
        return await handler(request)

    return answer


def _row(one: Received) -> dict[str, Any]:
    hidden = {"metadata", "data", "tags", "answer"}
    return {name: value for name, value in asdict(one).items() if name not in hidden}


def _submission(one: Submission) -> dict[str, Any]:
    row = asdict(one)
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}


def _json(content: bytes | None) -> Any:
    """The value, or None for what was not decrypted or is no JSON."""
    try:
        return None if content is None else json.loads(content)
    except ValueError:
        return None


def _known(body: dict[str, Any], members: set[str]) -> dict[str, Any]:
    if unknown := set(body) - members:
        raise _bad(f"unknown members: {', '.join(sorted(unknown))}")
    return body


def _one_of(body: Mapping[str, Any], name: str, allowed: Any) -> str:
    if body.get(name) not in allowed:
        raise _bad(f"{name} must be one of {', '.join(allowed)}")
    return str(body[name])


def _count(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise _bad("times must be a positive integer")
    return value


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 600:
        raise _bad("seconds must be a number from 0 to 600")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _bad("spare_authority must be true or false")
    return value


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = body[name]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _bad(f"{name} must be a list of strings")
    return tuple(value)


def _reasons(value: Any) -> tuple[Reason, ...]:
    if not isinstance(value, list) or not value:
        raise _bad("problems must be a list of {slug, instance, detail}")
    found = []
    for one in value:
        if not isinstance(one, dict) or set(one) != {"slug", "instance", "detail"} or one["slug"] not in TITLES:
            raise _bad(f"a problem has slug, instance, detail; slugs: {', '.join(TITLES)}")
        found.append(reason(one["slug"], one["instance"], one["detail"]))
    return tuple(found)


def _bad(detail: str) -> Problem:
    return Problem(422, "invalid-order", "Invalid order", detail)
