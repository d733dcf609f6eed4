"""Problem answers (RFC 9457): every error of every service looks the same and says what to do, in German."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core.core_schema import ErrorType
from starlette.exceptions import HTTPException
from starlette.responses import Response

from chassis.aggregates import KeyReused, VersionConflict
from chassis.errors import NotFound, Transient
from chassis.field_texts import field_text
from chassis.outbox import TooMuchToTell
from chassis.tracing import trace_id

_log = logging.getLogger(__name__)

_KNOWN: Final = frozenset(get_args(ErrorType))
MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: what a client may rely on."""

    status: int
    slug: str
    """Last word of the type, ``urn:rathaus:problem:<slug>``."""
    title: str
    """One German sentence, the same for every problem of this kind."""

    @property
    def type(self) -> str:
        """The problem type, a URI."""
        return f"urn:rathaus:problem:{self.slug}"


@dataclass(frozen=True)
class FieldError:
    """What is wrong at one place of a request."""

    pointer: str
    """JSON pointer into the body; for the rest of the request it begins with ``/query``, ``/header`` or ``/cookie``."""
    detail: str


class FieldProblem(BaseModel):
    """What is wrong at one place of a request."""

    pointer: Annotated[
        str, Field(description="JSON pointer (RFC 6901) into the body; /query/… and /header/… name the rest.")
    ]
    detail: Annotated[str, Field(description="What is wrong there, in German.")]


class Problem(BaseModel):
    """An error as every route answers it (RFC 9457)."""

    type: Annotated[str, Field(description="urn:rathaus:problem:<slug>")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="Path of the request.")]
    errors: list[FieldProblem]
    traceId: Annotated[str | None, Field(description="Trace of this request, for questions to the operator.")]  # noqa: N815


PROBLEMS: Final[Mapping[int, Kind]] = {
    kind.status: kind
    for kind in (
        Kind(400, "bad-request", "Die Anfrage ist nicht lesbar."),
        Kind(401, "not-signed-in", "Bitte melden Sie sich an."),
        Kind(403, "forbidden", "Das dürfen Sie nicht."),
        Kind(404, "not-found", "Das gibt es hier nicht."),
        Kind(405, "method-not-allowed", "Das geht an dieser Stelle nicht."),
        Kind(406, "not-acceptable", "In dieser Form gibt es das nicht."),
        Kind(408, "too-slow", "Die Anfrage kam nicht rechtzeitig vollständig an."),
        Kind(412, "version-conflict", "Das wurde inzwischen geändert. Bitte neu laden."),
        Kind(413, "too-large", "Die Anfrage ist zu groß."),
        Kind(414, "uri-too-long", "Die Adresse ist zu lang."),
        Kind(415, "unsupported-media-type", "Dieses Format wird hier nicht angenommen."),
        Kind(422, "invalid", "Bitte prüfen Sie Ihre Angaben."),
        Kind(428, "version-required", "Es fehlt, auf welchen Stand sich die Änderung bezieht."),
        Kind(429, "too-many-requests", "Das waren zu viele Versuche. Bitte warten Sie etwas."),
        Kind(431, "headers-too-large", "Die Kopfzeilen der Anfrage sind zu groß."),
        Kind(500, "internal", "Das hat nicht geklappt. Der Fehler liegt bei uns."),
        Kind(503, "unavailable", "Das geht gerade nicht. Bitte versuchen Sie es gleich noch einmal."),
    )
}
KEY_REUSED: Final = Kind(422, "key-reused", "Dieser Idempotency-Key wurde schon für eine andere Anfrage verwendet.")
TOO_MUCH: Final = Kind(422, "too-much", "Das ist zusammen zu viel. Bitte kürzen Sie Ihre Angaben.")
CROWDED: Final = Kind(503, "crowded", "Gerade ist sehr viel los. Bitte versuchen Sie es gleich noch einmal.")
OVER_SHARE: Final = Kind(429, "crowded", "Gerade ist sehr viel los. Bitte versuchen Sie es gleich noch einmal.")
CROSS_SITE: Final = Kind(403, "cross-site", "Die Anfrage kam von einer anderen Seite.")


class Refused(HTTPException):
    """Ends a request with a problem answer; for the edge (routes, dependencies), never for a domain."""

    def __init__(
        self,
        kind: Kind | int,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = PROBLEMS[kind] if isinstance(kind, int) else kind
        super().__init__(self.kind.status, detail or self.kind.title, dict(headers or {}))
        self.errors = errors


def answer(
    path: str,
    kind: Kind,
    detail: str = "",
    errors: Sequence[Any] = (),
    headers: Mapping[str, str] | None = None,
    trace: str | None = None,
) -> Response:
    """Return the problem answer to a request for ``path``.

    ``errors`` have ``pointer`` and ``detail``; ``trace`` is the caller's trace where none of our own has begun.
    """
    body = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": detail or kind.title,
        "instance": path,
        "errors": [{"pointer": error.pointer, "detail": error.detail} for error in errors],
        "traceId": trace_id() or trace,
    }
    return Response(orjson.dumps(body), kind.status, dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI, problems: Mapping[type[Exception], Kind]) -> None:
    """Answer every error of the chassis, of FastAPI and of these domains with its problem."""
    for error, kind in problems.items():
        app.add_exception_handler(error, _domain_handler(kind))
    app.add_exception_handler(Transient, _transient)
    app.add_exception_handler(NotFound, _domain_handler(PROBLEMS[404], quiet=True))
    app.add_exception_handler(KeyReused, _domain_handler(KEY_REUSED, quiet=True))
    app.add_exception_handler(TooMuchToTell, _domain_handler(TOO_MUCH, quiet=True))
    app.add_exception_handler(VersionConflict, _domain_handler(PROBLEMS[412], quiet=True))
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)


def unexpected(path: str, error: Exception) -> Response:
    """Log an error that nobody foresaw, with its trace id, and return an answer that tells nothing of it."""
    _log.error("request failed", exc_info=error, extra={"fields": {"path": path}})
    return answer(path, PROBLEMS[500])


def _domain_handler(kind: Kind, *, quiet: bool = False) -> Any:
    def handle(request: Request, error: Exception) -> Response:
        # What a domain says is meant for people; what the chassis says is not.
        detail = "" if quiet else str(error)
        return answer(request.url.path, kind, detail, getattr(error, "errors", ()))

    return handle


def _transient(request: Request, error: Exception) -> Response:
    wait = error.retry_after if isinstance(error, Transient) else 1.0
    _log.warning("request refused for now", exc_info=error, extra={"fields": {"reason": type(error).__name__}})
    return answer(request.url.path, PROBLEMS[503], headers={"Retry-After": str(max(1, round(wait)))})


def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        return answer(request.url.path, error.kind, error.detail, error.errors, error.headers)
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    kind = PROBLEMS.get(status) or Kind(status, f"http-{status}", "Die Anfrage wurde abgelehnt.")
    # The details of Starlette and FastAPI are English and for developers.
    return answer(request.url.path, kind, headers=headers)


def _invalid(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(item["loc"][:1] == ("path",) for item in found):
        # An id that cannot exist is an id that does not exist.
        return answer(request.url.path, PROBLEMS[404])
    errors = [FieldError(_pointer(item["loc"]), _text(item)) for item in found]
    return answer(request.url.path, PROBLEMS[422], errors=errors)


def _text(item: Mapping[str, Any]) -> str:
    # Our own validators raise PydanticCustomError with a German sentence. The text of anything else may quote input.
    return field_text(item["type"], item.get("ctx") or {}) if item["type"] in _KNOWN else str(item["msg"])


def _pointer(place: Sequence[str | int]) -> str:
    words = place[1:] if place and place[0] == "body" else place
    return "".join("/" + str(word).replace("~", "~0").replace("/", "~1") for word in words)
