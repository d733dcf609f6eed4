"""The token endpoint of the exchange and the check of its tokens (RFC 6749, section 4.4; RFC 6750)."""

import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.clock import Clock
from sandbox.bodies import read_body
from sandbox.gate import Gate
from sandbox.oauth import tokens
from sandbox.oauth.clients import Client
from sandbox.problems import Problem
from sandbox.store import Store

MAX_FORM = 16 * 1024
"""Bytes."""


class Refused(Exception):
    """The token endpoint says no in the words of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


class Access:
    """Knows the clients, hands out tokens and recognises them."""

    def __init__(self, store: Store, clock: Clock, clients: Sequence[Client]) -> None:
        self._store = store
        self._clock = clock
        self._clients: Mapping[str, Client] = {client.id: client for client in clients}

    async def caller(self, request: Request) -> Client:
        """The client whose token the request carries; Problem 401 without a valid one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            now = self._clock.now()
            id = await self._store.run(lambda db: tokens.client_of(db, token, now))
            if id is not None and id in self._clients:
                return self._clients[id]
        raise Problem(
            401,
            "unauthorized",
            "Unauthorized",
            "a valid access token is needed",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )

    async def grant(self, request: Request) -> Response:
        """POST /token: client credentials in the form body, nothing else."""
        try:
            client = self._authenticate(request, await _form(request))
        except Refused as refused:
            body = {"error": refused.error, "error_description": str(refused)}
            return JSONResponse(body, refused.status, headers={"Cache-Control": "no-store"})
        now = self._clock.now()
        token = await self._store.run(lambda db: tokens.issue(db, client.id, now))
        return JSONResponse(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": int(tokens.LIFETIME.total_seconds()),
                "scope": client.scope,
            },
            headers={"Cache-Control": "no-store"},
        )

    def _authenticate(self, request: Request, form: Mapping[str, str]) -> Client:
        if "authorization" in request.headers:
            raise Refused("invalid_client", "credentials belong into the form body, not into a header", 401)
        if form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type", "only client_credentials")
        client = self._clients.get(form.get("client_id", ""))
        given = form.get("client_secret", "").encode("utf-8")
        if client is None or not secrets.compare_digest(client.secret.encode("utf-8"), given):
            raise Refused("invalid_client", "unknown client or wrong secret", 401)
        if "scope" in form:
            raise Refused("invalid_scope", "send no scope, it follows from the client")
        return client


async def _form(request: Request) -> dict[str, str]:
    body = await read_body(request, "application/x-www-form-urlencoded", MAX_FORM)
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Refused("invalid_request", "a parameter occurs twice")
    return form


def routes(gate: Gate, access: Access) -> list[Route]:
    """The token endpoint."""
    return [gate.route("POST", "/token", "token", access.grant)]
