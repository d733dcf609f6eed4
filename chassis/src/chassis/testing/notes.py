"""The HTTP edge of a small service that writes notes, for tests of the chassis."""
# ruff: noqa: S101 - what is asserted here is asserted in a test

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from chassis import edge
from chassis.aggregates import KeyReused, VersionConflict
from chassis.auth import ALGORITHM, AUDIENCE, ISSUER, TOKEN_TYPE
from chassis.errors import NotFound, Transient
from chassis.http import (
    CheckedRoute,
    CommandKey,
    Id,
    IfMatch,
    Input,
    IsoDate,
    IsoDateTime,
    Output,
    PublicCommandKey,
    SignedIn,
    Tenant,
    body_limit,
    provided,
    same_origin,
    set_etag,
)
from chassis.outbox import TooMuchToTell
from chassis.problems import Kind
from chassis.testing.clock import FixedClock
from chassis.testing.example import TENANT

KEY = ECKey.generate_key("P-256", {"kid": "k1"})
BASE = f"/api/test/v1/{TENANT}"


class Notes:
    """Stands for a service's store."""

    def __init__(self) -> None:
        self.written: list[object] = []


class SlotTaken(Exception):
    """A decision of a domain."""


@dataclass(frozen=True)
class _At:
    pointer: str
    detail: str


class AnswersWrong(Exception):
    """A decision with places."""

    errors = (_At("/answers/given_name", "Der Vorname fehlt."),)


class Part(Input):
    """A part of a note."""

    name: str
    count: int = 0


class NoteIn(Input):
    """A note as it comes in, with a field of every kind."""

    email: str
    age: int
    share: float = 0.0
    agreed: bool = False
    day: IsoDate | None = None
    at: IsoDateTime | None = None
    other: Id | None = None
    parts: list[Part] = Field(default_factory=list)
    answers: dict[str, str | int | float | bool] = Field(default_factory=dict)

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        if "@" not in value:
            raise PydanticCustomError("email", "Die Mail-Adresse braucht ein @.")
        return value


class NoteOut(Output):
    """What is told of a note."""

    email: str
    digest: str


router = APIRouter(prefix="/api/test/v1/{ars}", route_class=CheckedRoute)


@router.post("/notes", status_code=201, operation_id="write_note", response_model=NoteOut)
async def write_note(
    note: NoteIn, caller: SignedIn, key: CommandKey, notes: Annotated[Notes, provided(Notes)]
) -> dict[str, object]:
    """Write a note down."""
    notes.written.append(note)
    return {"email": note.email, "digest": key.digest, "secret": "stays inside"}


@router.put("/notes/{note_id}", operation_id="change_note", response_model=NoteOut)
async def change_note(note_id: Id, note: NoteIn, caller: SignedIn, version: IfMatch, response: Response) -> NoteOut:
    """Change a version."""
    set_etag(response, version + 1)
    return NoteOut(email=note.email, digest=str(version))


@router.get("/notes", operation_id="list_notes", response_model=list[NoteOut])
async def list_notes(caller: SignedIn, days: Annotated[int, Query(ge=1, le=14)] = 7) -> list[NoteOut]:
    """Take a checked parameter."""
    return []


@router.post("/files", operation_id="upload", response_model=NoteOut)
@body_limit(3 * edge.MIB)
async def upload(request: Request, caller: SignedIn) -> NoteOut:
    """Take more than others."""
    body = await request.body()
    return NoteOut(email=str(len(body)), digest=hashlib.sha256(body).hexdigest())


@router.post("/open", operation_id="open_note", response_model=NoteOut)
async def open_note(note: NoteIn, tenant: Tenant, key: PublicCommandKey) -> NoteOut:
    """Serve the signed-out."""
    return NoteOut(email=note.email, digest=key.account + key.digest)


@router.post("/refresh", status_code=204, operation_id="refresh", response_class=Response)
async def refresh(request: Request, tenant: Tenant) -> Response:
    """Serve our own pages only."""
    same_origin(request)
    return Response(status_code=204)


@router.get("/fails/{how}", operation_id="fail", response_model=NoteOut)
async def fail(how: str, tenant: Tenant) -> NoteOut:
    """Fail as told."""
    raise {
        "taken": SlotTaken("09:00 ist vergeben."),
        "answers": AnswersWrong("Angaben prüfen."),
        "later": Transient("database away", retry_after=2.4),
        "gone": NotFound("application 7"),
        "reused": KeyReused("k"),
        "stale": VersionConflict("3"),
        "much": TooMuchToTell("1 events with 300000 bytes"),
        "bug": RuntimeError("Mia Beispiel, secret"),
    }[how]


@router.get("/stream", operation_id="stream", response_class=StreamingResponse)
async def stream(tenant: Tenant) -> StreamingResponse:
    """Never end."""

    async def forever() -> AsyncIterator[str]:
        while True:
            yield "data: x\n\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(forever(), media_type="text/event-stream")


PROBLEMS = {
    SlotTaken: Kind(409, "slot-taken", "Der Termin ist nicht mehr frei."),
    AnswersWrong: Kind(422, "answers-wrong", "Bitte prüfen Sie Ihre Angaben."),
}


@dataclass
class Edge:
    """The app with its parts and a client."""

    app: FastAPI
    notes: Notes
    clock: FixedClock
    client: httpx.AsyncClient

    def token(self, header: dict[str, Any] | None = None, key: ECKey = KEY, **claims: Any) -> str:
        """Sign an access token; ``"absent"`` takes a claim away."""
        now = int(self.clock.now().timestamp())
        body = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "account-1",
            "tenant": TENANT,
            "sid": "session-1",
            "acr": "basis",
            "linked": False,
            "roles": [],
            "org": None,
            "auth_time": now,
            "iat": now,
            "exp": now + 300,
            "jti": "1",
            **claims,
        }
        body = {name: value for name, value in body.items() if value != "absent"}
        return jwt.encode({"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": "k1", **(header or {})}, body, key)

    def headers(self, **more: str) -> dict[str, str]:
        """Headers of a good command."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {"authorization": f"Bearer {self.token()}", "idempotency-key": "key-1", **named}


GOOD = {"email": "mia@example.org", "age": 16}


def problem(answer: httpx.Response, status: int, *pointers: str, slug: str | None = None) -> dict[str, Any]:
    """Check that the answer is a whole problem with exactly these places; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "instance", "errors", "traceId"}
    assert body["status"] == status
    assert body["instance"] == answer.request.url.path
    assert [error["pointer"] for error in body["errors"]] == list(pointers)
    assert all(error["detail"] for error in body["errors"])
    if slug:
        assert body["type"] == f"urn:rathaus:problem:{slug}"
    return body
