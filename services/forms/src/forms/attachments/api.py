"""Files of a draft over HTTP: the body is the file itself."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from chassis.aggregates import Key, VersionConflict
from chassis.http import CheckedRoute, CommandKey, Id, IfMatch, Output, SignedIn, body_limit, provided, set_etag
from chassis.problems import FieldError, Refused
from forms.applications.api import ApplicationId
from forms.applications.domain import Application, Fact, attach, detach, find_attachment, require_room
from forms.applications.gate import Gate
from forms.applications.store import Applications
from forms.attachments.domain import MOST_BYTES, SUFFIXES, name_in
from forms.attachments.store import Files, attachment_id
from forms.catalogue.domain import Upload
from forms.catalogue.store import Catalogue

router = APIRouter(prefix="/api/forms/v1/{ars}", route_class=CheckedRoute, tags=["attachments"])

_Applications = Annotated[Applications, provided(Applications)]
_Files = Annotated[Files, provided(Files)]


_MOST_RECEIVED: Final = MOST_BYTES + 1024 * 1024
"""A file that is a little too large is received and refused in words; a connection cut amidst it would say nothing."""


class UploadGate(Gate):
    """A file is in memory while it is received and checked: a PDF can only be judged whole."""

    def __init__(self) -> None:
        super().__init__(most=12, most_per_account=2)


async def _upload_place(caller: SignedIn, gate: Annotated[UploadGate, provided(UploadGate)]) -> AsyncIterator[None]:
    with gate.enter(caller.account):
        yield


class NewAttachment(Output):
    """A file that was taken."""

    attachment_id: str
    field: str
    filename: str
    media_type: str
    size: int
    sha512: str


@router.post(
    "/applications/{id}/attachments",
    operation_id="attachFile",
    response_model=NewAttachment,
    status_code=201,
    # Before the key, which is made of the body: whoever finds no place has nothing received.
    dependencies=[Depends(_upload_place)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in SUFFIXES},
        }
    },
)
@body_limit(_MOST_RECEIVED)
async def attach_file(
    ars: str,
    id: ApplicationId,
    request: Request,
    caller: SignedIn,
    key: CommandKey,
    version: IfMatch,
    response: Response,
    applications: _Applications,
    files: _Files,
    catalogue: Annotated[Catalogue, provided(Catalogue)],
    field: Annotated[str, Query(max_length=40, description="Upload of the service that the file belongs to.")],
    content_type: Annotated[str | None, Header(include_in_schema=False)] = None,
    content_disposition: Annotated[str | None, Header(description="attachment; filename*=UTF-8''…")] = None,
) -> NewAttachment:
    """Add a file to a draft: PDF, JPEG or PNG by its content, at most 10 MiB."""
    found = await applications.own(ars, caller.account, id)
    upload = _upload(catalogue, ars, found.state.service, field)
    declared = _declared(content_type, upload)
    attachment = None
    if found.version == version:
        require_room(found.state)
        new_id = attachment_id(ars, id, caller.account, key.value)
        attachment = await files.keep(
            ars, id, new_id, upload, name_in(content_disposition), declared, await request.body()
        )

    def decide(state: Application) -> tuple[Application, tuple[Fact, ...]]:
        if attachment is None:
            raise VersionConflict(f"version {version} was expected")
        return attach(state, attachment)

    def answer(state: Application) -> dict[str, object]:
        held = state.attachments[-1]
        return NewAttachment(attachment_id=held.id, field=held.upload, **vars(held)).model_dump()

    done = await applications.command(ars, id, key, decide, answer, expected_version=version)
    if attachment is not None and not done.repeated:
        await files.trust(attachment.blob)
    response.headers["Location"] = f"/api/forms/v1/{ars}/applications/{id}"
    set_etag(response, version + 1)
    return NewAttachment.model_validate(done.answer)


@router.delete(
    "/applications/{id}/attachments/{attachment_id}",
    operation_id="detachFile",
    response_model=None,
    status_code=204,
)
async def detach_file(
    ars: str,
    id: ApplicationId,
    attachment_id: Annotated[Id, Path(description="Id of the file.")],
    caller: SignedIn,
    version: IfMatch,
    response: Response,
    applications: _Applications,
    files: _Files,
) -> None:
    """Take a file away from a draft; it is deleted."""
    found = await applications.own(ars, caller.account, id)
    blob = None
    if found.version == version:
        blob = find_attachment(found.state, attachment_id).blob
        await files.doubt(ars, id, blob)
    key = Key(caller.account, f"detach {attachment_id}", attachment_id)
    await applications.command(ars, id, key, lambda state: detach(state, attachment_id), expected_version=version)
    if blob is not None:
        await files.delete(blob)
    set_etag(response, version + 1)


def _upload(catalogue: Catalogue, ars: str, service: str, field: str) -> Upload:
    entry = catalogue.get(ars, service)
    upload = entry.service.upload(field)
    if upload is None:
        known = ", ".join(upload.name for upload in entry.service.uploads)
        detail = f"Diese Datei verlangt der Dienst nicht. Möglich sind: {known}."
        raise Refused(422, errors=[FieldError("/query/field", detail)])
    return upload


def _declared(content_type: str | None, upload: Upload) -> str:
    declared = (content_type or "").partition(";")[0].strip().lower()
    if declared not in upload.media_types:
        accepted = ", ".join(upload.media_types)
        raise Refused(415, f"Erwartet wird {accepted}.", headers={"Accept": accepted})
    return declared
