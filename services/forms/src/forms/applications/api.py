"""Applications over HTTP: drafts, handing in, and the way afterwards."""

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import StringConstraints

from chassis.aggregates import Key, Loaded, VersionConflict
from chassis.clock import Clock
from chassis.errors import NotFound
from chassis.http import (
    CheckedRoute,
    CommandKey,
    Id,
    IfMatch,
    Input,
    Output,
    SignedIn,
    body_limit,
    provided,
    set_etag,
)
from chassis.problems import FieldError, Refused
from forms.applications.domain import FINAL, Application, Fact, begin, reference_number, save, submit
from forms.applications.store import Applications, BadCursor, read_cursor, write_cursor
from forms.applications.stream import StatusStreams
from forms.applications.submission import BERLIN, Desk, Faulty
from forms.catalogue.store import Catalogue

router = APIRouter(prefix="/api/forms/v1/{ars}", route_class=CheckedRoute, tags=["applications"])

_Applications = Annotated[Applications, provided(Applications)]
_Catalogue = Annotated[Catalogue, provided(Catalogue)]
_Streams = Annotated[StatusStreams, provided(StatusStreams)]
_Clock = Annotated[Clock, provided(Clock)]
ApplicationId = Annotated[Id, Path(description="Id of the application.")]
_MOST_ANSWERS = 256 * 1024


class NewApplication(Input):
    """What a citizen begins."""

    service: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
    """Slug of the online service."""


class NewAnswers(Input):
    """The answers so far; they take the place of those saved before."""

    answers: dict[str, Any]


class AttachmentView(Output):
    """A file that belongs to an application."""

    attachment_id: str
    field: str
    filename: str
    media_type: str
    size: int
    sha512: str


class ReasonView(Output):
    """Why the authority refused."""

    title: str
    place: str


class ApplicationSummary(Output):
    """An application in a list."""

    application_id: str
    service: str
    reference: str
    status: str
    version: int
    created_at: datetime
    changed_at: datetime
    submitted_at: datetime | None


class ApplicationView(ApplicationSummary):
    """An application as its owner sees it."""

    answers: dict[str, Any]
    attachments: list[AttachmentView]
    reasons: list[ReasonView]


class ApplicationPage(Output):
    """Some of an account's applications, newest first."""

    applications: list[ApplicationSummary]
    next: str | None
    """Cursor of the next page; absent at the end."""


@router.post("/applications", operation_id="createApplication", response_model=ApplicationSummary, status_code=201)
async def create_application(
    ars: str,
    body: NewApplication,
    caller: SignedIn,
    key: CommandKey,
    response: Response,
    applications: _Applications,
    catalogue: _Catalogue,
    clock: _Clock,
) -> ApplicationSummary:
    """Begin an application for a service."""
    try:
        service = catalogue.get(ars, body.service).service
    except NotFound:
        detail = f"Den Dienst „{body.service}“ gibt es hier nicht."
        raise Refused(422, detail, errors=[FieldError("/service", detail)]) from None
    now = clock.now()
    prefix = catalogue.municipality(ars).slug[:3].upper()

    def make(id: str) -> tuple[Application, tuple[Fact, ...]]:
        reference = reference_number(prefix, now.astimezone(BERLIN).year, id)
        return begin(id, caller.account, service.slug, reference, now)

    done = await applications.create(ars, key, make, lambda state: _summary(state, 1).model_dump(mode="json"))
    response.headers["Location"] = f"/api/forms/v1/{ars}/applications/{done.id}"
    set_etag(response, 1)
    return ApplicationSummary.model_validate(done.answer)


@router.get("/applications", operation_id="listApplications", response_model=ApplicationPage)
async def list_applications(
    ars: str,
    caller: SignedIn,
    applications: _Applications,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> ApplicationPage:
    """List one's own applications, newest first."""
    try:
        after = read_cursor(cursor) if cursor is not None else None
    except BadCursor as bad:
        raise Refused(422, errors=[FieldError("/query/cursor", str(bad))]) from None
    page, following = await applications.page(ars, caller.account, after, limit)
    return ApplicationPage(
        applications=[_summary(found.state, found.version) for found in page],
        next=write_cursor(following) if following else None,
    )


@router.get("/applications/{id}", operation_id="getApplication", response_model=ApplicationView)
async def get_application(
    ars: str, id: ApplicationId, caller: SignedIn, response: Response, applications: _Applications
) -> ApplicationView:
    """Return one of one's own applications."""
    found = await applications.own(ars, caller.account, id)
    set_etag(response, found.version)
    return _view(found.state, found.version)


@router.put("/applications/{id}/answers", operation_id="saveAnswers", response_model=ApplicationView)
@body_limit(_MOST_ANSWERS)
async def save_answers(
    ars: str,
    id: ApplicationId,
    body: NewAnswers,
    caller: SignedIn,
    version: IfMatch,
    response: Response,
    applications: _Applications,
    catalogue: _Catalogue,
) -> ApplicationView:
    """Save the answers of a draft. Some may be missing; none may be unknown, of the wrong type or too long."""
    found = await applications.own(ars, caller.account, id)
    schema = catalogue.get(ars, found.state.service).schema
    answers = schema.normalised(body.answers)
    if faults := schema.draft(answers):
        raise Faulty(faults)
    said = hashlib.sha256(orjson.dumps(answers, option=orjson.OPT_SORT_KEYS)).hexdigest()
    # A repeated save is recognised by what it says; the blanks keep clear of the keys that clients choose.
    key = Key(caller.account, f"save {version} {said}", said)
    done = await applications.command(ars, id, key, lambda state: save(state, answers), expected_version=version)
    if done.version != version + 1:
        raise VersionConflict(f"saved as version {version + 1}, {done.version} is the present one")
    set_etag(response, done.version)
    return _view(done.state, done.version)


@router.post(
    "/applications/{id}/submission",
    operation_id="submitApplication",
    response_model=ApplicationSummary,
    status_code=202,
)
async def submit_application(
    ars: str,
    id: ApplicationId,
    caller: SignedIn,
    key: CommandKey,
    version: IfMatch,
    response: Response,
    applications: _Applications,
    desk: Annotated[Desk, provided(Desk)],
    clock: _Clock,
) -> ApplicationSummary:
    """Hand the application in. Everything that is missing or wrong is named at once; afterwards nothing changes it."""
    found, now = await applications.own(ars, caller.account, id), clock.now()
    fact = await desk.check_and_seal(found.state, caller, now) if _can_change(found, version) else None

    def decide(state: Application) -> tuple[Application, tuple[Fact, ...]]:
        if fact is None and state.status == "draft":
            raise VersionConflict(f"version {version} was expected")
        return submit(state, fact, now)  # type: ignore[arg-type]  # without a fact it is no draft and is refused

    done = await applications.command(
        ars,
        id,
        key,
        decide,
        lambda state: _summary(state, version + 1).model_dump(mode="json"),
        expected_version=version,
    )
    response.headers["Location"] = f"/api/forms/v1/{ars}/applications/{id}"
    set_etag(response, version + 1)
    return ApplicationSummary.model_validate(done.answer)


async def _stream_place(caller: SignedIn, streams: _Streams) -> AsyncIterator[None]:
    with streams.enter(caller.account):
        yield


@router.get(
    "/applications/{id}/events",
    operation_id="followApplication",
    response_model=None,
    response_class=StreamingResponse,
    responses={
        200: {"description": "Server-sent events named `status`.", "content": {"text/event-stream": {}}},
        204: {"description": "The final status is known already (Last-Event-ID): nothing follows."},
    },
    dependencies=[Depends(_stream_place)],
)
async def follow_application(
    ars: str,
    id: ApplicationId,
    caller: SignedIn,
    applications: _Applications,
    streams: _Streams,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> Response:
    """Follow the status: the present one at once, then each change; ends after the final one."""
    found = await applications.own(ars, caller.account, id)
    if found.state.status in FINAL and last_event_id == str(found.version):
        return Response(status_code=204)  # tells a browser's EventSource not to come back
    return StreamingResponse(streams.follow(id), media_type="text/event-stream")


def _can_change(found: Loaded[Application], version: int) -> bool:
    return found.version == version and found.state.status == "draft"


def _summary(state: Application, version: int) -> ApplicationSummary:
    return ApplicationSummary(
        application_id=state.id,
        service=state.service,
        reference=state.reference,
        status=state.status,
        version=version,
        created_at=state.created_at,
        changed_at=state.changed_at,
        submitted_at=state.submitted_at,
    )


def _view(state: Application, version: int) -> ApplicationView:
    return ApplicationView(
        **_summary(state, version).model_dump(),
        answers=dict(state.answers),
        attachments=[
            AttachmentView(
                attachment_id=held.id,
                field=held.upload,
                filename=held.filename,
                media_type=held.media_type,
                size=held.size,
                sha512=held.sha512,
            )
            for held in state.attachments
        ],
        reasons=[ReasonView(title=reason.title, place=reason.place) for reason in state.reasons],
    )
