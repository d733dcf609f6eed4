"""The HTTP edge of a service: what routes are made of and the app that holds them."""

import hashlib
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from chassis import auth
from chassis.aggregates import Key
from chassis.auth import Caller, TokenKeys
from chassis.clock import Clock, SystemClock
from chassis.edge import MAX_BODY, Edge, limit_body
from chassis.municipalities import Municipalities
from chassis.openapi import SIGN_IN, describe
from chassis.parsing import Unparsable, parse
from chassis.problems import CROSS_SITE, PROBLEMS, FieldError, Kind, Refused, answer, install

__all__ = [
    "Caller",
    "CheckedRoute",
    "CommandKey",
    "Id",
    "IfMatch",
    "Input",
    "IsoDate",
    "IsoDateTime",
    "Output",
    "Provided",
    "PublicCommandKey",
    "SignedIn",
    "Tenant",
    "body_limit",
    "create_app",
    "provided",
    "same_origin",
    "set_etag",
]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
D = TypeVar("D", bound=date)

_JSON = re.compile(r"application/json(\s*;\s*charset=\"?utf-8\"?)?\s*", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})")
_COMMAND_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_YEARS: Final = range(1800, 2301)
_ETAG = re.compile(r'"(0|[1-9]\d{0,17})"')
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NOBODY: Final = ""


class Input(BaseModel):
    """A request's body: nothing is converted, nothing is ignored, texts are bounded.

    A validator that wants to say something to people raises ``PydanticCustomError`` with a German sentence; the text
    of a ``ValueError`` stays inside, since it may quote the input.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_max_length=10_000)


class Output(BaseModel):
    """A response's body: the list of what may go out. Fields that are not named here stay inside."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _in_reach(date.fromisoformat(value if _DATE.fullmatch(value) else ""))
    except ValueError:
        raise PydanticCustomError("iso_date", "Hier wird ein Datum erwartet (JJJJ-MM-TT).") from None


def _date_time(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return _in_reach(datetime.fromisoformat(value if _DATE_TIME.fullmatch(value) else "").astimezone(UTC))
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            "iso_datetime", "Hier wird ein Zeitpunkt mit Zeitzone erwartet (JJJJ-MM-TTThh:mm:ssZ)."
        ) from None


def _in_reach(value: D) -> D:
    """Refuse years that no arithmetic with days or zones may leave the calendar from."""
    if value.year not in _YEARS:
        raise ValueError(f"year {value.year}")
    return value


IsoDate = Annotated[date, BeforeValidator(_date)]
"""A day as ``2026-11-25``."""
IsoDateTime = Annotated[datetime, BeforeValidator(_date_time)]
"""A moment as in RFC 3339, with its offset; becomes UTC."""
Id = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", max_length=36)
]
"""A UUID in its canonical form."""


class _CheckedRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            try:
                self._json = parse(await self.body())
            except Unparsable as error:
                raise Refused(400, str(error), errors=[FieldError(error.pointer, str(error))]) from None
        return self._json


class CheckedRoute(APIRoute):
    """A route whose JSON is read by the checking parser and whose body is of the type and size that it takes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if _asks(self.dependant, signed_in):
            # Said here and not by FastAPI's own schemes: as dependencies they would be solved on every request.
            self.openapi_extra = {**(self.openapi_extra or {}), "security": SIGN_IN}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that handles a request."""
        handle = super().get_route_handler()
        takes_json = self.body_field is not None
        max_bytes: int = getattr(self.endpoint, "max_bytes", MAX_BODY)

        async def checked(request: Request) -> Response:
            limit_body(request.scope, max_bytes)
            if _has_body(request):
                _check_type(request, takes_json)
            return await handle(_CheckedRequest(request.scope, request.receive, request._send))

        return checked


def _asks(dependant: Dependant, call: Callable[..., Any]) -> bool:
    return dependant.call is call or any(_asks(part, call) for part in dependant.dependencies)


def body_limit(max_bytes: int) -> Callable[[F], F]:
    """Set how many bytes a route's body may have. Stands between the route's decorator and its function."""

    def mark(endpoint: F) -> F:
        endpoint.max_bytes = max_bytes  # type: ignore[attr-defined]
        return endpoint

    return mark


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


def _check_type(request: Request, takes_json: bool) -> None:
    if _single(request, "content-encoding") not in (None, "identity"):
        raise Refused(415, "Gepackte Anfragen werden nicht angenommen.", headers={"Accept-Encoding": "identity"})
    if takes_json and not _JSON.fullmatch(_single(request, "content-type") or ""):
        raise Refused(415, "Erwartet wird application/json.", headers={"Accept": "application/json"})


def _single(request: Request, name: str) -> str | None:
    """Return a header that may stand once only: two readers might choose different ones."""
    values = request.headers.getlist(name)
    if len(values) > 1:
        reason = "Diese Kopfzeile darf nur einmal vorkommen."
        raise Refused(400, reason, errors=[FieldError(f"/header/{name}", reason)])
    return values[0] if values else None


class Provided:
    """What the routes of an app are given: one object per class."""

    def __init__(self, objects: Iterable[object], clock: Clock) -> None:
        self.clock = clock
        self._objects: dict[object, object] = {type(item): item for item in objects}
        self._objects[Clock] = clock

    def get(self, cls: type[T]) -> T:
        """Return the object of a class, or of a class made from it (a fake).

        Raises:
            LookupError: the app was wired without one.
        """
        found = self._objects.get(cls)
        if found is None:
            found = next((item for kind, item in self._objects.items() if _is_made_from(kind, cls)), None)
        if found is None:
            raise LookupError(f"no {cls.__qualname__} was provided to this app")
        return found  # type: ignore[return-value]


def _is_made_from(kind: object, cls: type) -> bool:
    return isinstance(kind, type) and cls in kind.__mro__


@cache
def provided(cls: type) -> Any:
    """Hand a route the object of this class that the app was wired with.

    In a route: ``store: Annotated[Store, provided(Store)]``.
    """

    async def find(request: Request) -> Any:  # async: FastAPI runs any other in a thread, for every request
        return _provided(request).get(cls)

    return Depends(find)


def _provided(request: Request) -> Provided:
    found: Provided = request.app.state.provided
    return found


_Ars = Annotated[str, Path(pattern=r"^\d{12}$", description="Amtlicher Regionalschlüssel der Gemeinde, 12 Ziffern.")]


async def signed_in(request: Request, ars: _Ars) -> Caller:
    """Return who calls. 401 without a good token, 404 where the token belongs to another municipality."""
    objects = _provided(request)
    token = _token(request, request.cookies.get(auth.COOKIE))
    try:
        caller = await auth.check_token(token, objects.get(TokenKeys), objects.clock.now())
    except auth.Rejected:
        raise _not_signed_in("invalid_token") from None
    if caller.tenant != ars:
        raise Refused(404)
    return caller


def _token(request: Request, cookie: str | None) -> str:
    header = _single(request, "authorization")
    if header is None:
        if not cookie:
            raise _not_signed_in(None)
        if request.method not in _SAFE:
            same_origin(request)
        return cookie
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _not_signed_in("invalid_request")
    if cookie and cookie != token:
        raise Refused(400, "Die Anfrage nennt zwei verschiedene Anmeldungen.")
    return token


def _not_signed_in(error: str | None) -> Refused:
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return Refused(401, headers={"WWW-Authenticate": challenge})


def same_origin(request: Request) -> None:
    """Refuse with 403 what another site made a browser send: the check for changes that ride on a cookie.

    Every browser in support sends Sec-Fetch-Site or Origin with a change (ASVS 5.0, 3.5.1 to 3.5.3); what sends
    neither is no browser and has no business with a cookie.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        good = site in ("same-origin", "none")
    else:
        good = origin is not None and origin.partition("://")[2] == request.headers.get("host")
    if not good:
        raise Refused(CROSS_SITE)


async def _tenant(request: Request, ars: _Ars) -> str:
    """Return the municipality of a public route. 404 where there is none."""
    if _provided(request).get(Municipalities).get(ars) is None:
        raise Refused(404)
    return ars


_IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="Names this command; a repeat with the same key is done once only."),
]
_IfMatchHeader = Annotated[str | None, Header(alias="If-Match", description='Version that is changed, e.g. "3".')]


async def _command_key(
    request: Request, caller: Annotated[Caller, Depends(signed_in)], key: _IdempotencyKey = None
) -> Key:
    return await _key(request, caller.account)


async def _public_command_key(
    request: Request, tenant: Annotated[str, Depends(_tenant)], key: _IdempotencyKey = None
) -> Key:
    return await _key(request, _NOBODY)


async def _key(request: Request, account: str) -> Key:
    value = _single(request, "idempotency-key")
    if value is None or not _COMMAND_KEY.fullmatch(value):
        reason = "Es fehlt ein Idempotency-Key." if value is None else "Erlaubt sind 1 bis 128 druckbare ASCII-Zeichen."
        raise Refused(400, reason, errors=[FieldError("/header/idempotency-key", reason)])
    said = hashlib.sha256()
    for part in (request.method.encode(), request.scope["path"].encode(), request.scope["query_string"]):
        said.update(len(part).to_bytes(4, "big") + part)
    said.update(await request.body())
    return Key(account, value, said.hexdigest())


async def _if_match(request: Request, version: _IfMatchHeader = None) -> int:
    value = _single(request, "if-match")
    if value is None:
        reason = "Es fehlt die Kopfzeile If-Match."
        raise Refused(428, reason, errors=[FieldError("/header/if-match", reason)])
    found = _ETAG.fullmatch(value)
    if found is None:
        raise Refused(412, errors=[FieldError("/header/if-match", "Das ist keine Version, die hier vergeben wurde.")])
    return int(found[1])


SignedIn = Annotated[Caller, Depends(signed_in)]
"""Guards a route: 401 for nobody, 404 for another municipality's token. The caller."""
Tenant = Annotated[str, Depends(_tenant)]
"""Marks a route as public: the municipality's ARS; 404 where there is none."""
CommandKey = Annotated[Key, Depends(_command_key)]
"""Key of a signed-in command, out of the header Idempotency-Key; 400 without."""
PublicCommandKey = Annotated[Key, Depends(_public_command_key)]
"""Key of a command on a public route."""
IfMatch = Annotated[int, Depends(_if_match)]
"""Version out of If-Match; 428 without, 412 where it can't match."""


def set_etag(response: Response, version: int) -> None:
    """Tell the version that a later change must name in If-Match."""
    response.headers["ETag"] = f'"{version}"'


def _not_allowed(routes: Sequence[BaseRoute]) -> Callable[[Request, Exception], Response]:
    """Name all methods of a path (RFC 9110, 15.5.6); Starlette knows only those of the first route that fits."""

    def answer_405(request: Request, error: Exception) -> Response:
        fitting = [route for route in routes if isinstance(route, Route) and route.path_regex.match(request.url.path)]
        allowed = {method for route in fitting for method in route.methods or ()}
        if "GET" in allowed:
            allowed.add("HEAD")
        return answer(request.url.path, PROBLEMS[405], headers={"Allow": ", ".join(sorted(allowed))})

    return answer_405


def create_app(
    name: str,
    routers: Sequence[APIRouter],
    problems: Mapping[type[Exception], Kind],
    *,
    provides: Sequence[object] = (),
    clock: Clock | None = None,
    lifespan: Any = None,
) -> FastAPI:
    """Return a service's HTTP app. ``provides`` are the objects that its routes ask for by class."""
    app = FastAPI(
        title=name,
        version="1",
        openapi_url=None,
        redirect_slashes=False,
        middleware=[Middleware(Edge)],
        lifespan=lifespan,
        telemetry={
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: scope["path"] in ("/health", "/ready"),
        },
    )
    app.state.provided = Provided(provides, clock or SystemClock())
    install(app, problems)
    for router in routers:
        # Not included but taken over: an included router is matched and wrapped once more on every request.
        app.router.routes.extend(router.routes)
    app.add_exception_handler(405, _not_allowed([route for router in routers for route in router.routes]))
    describe(app, problems)
    return app
