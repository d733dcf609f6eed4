"""The submission API v2 over HTTP (FIT-Connect, endpoints as senders and receivers use them)."""

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.clock import Clock
from chassis.tracing import current_traceparent
from sandbox.bodies import read_body, read_object
from sandbox.exchange import domain
from sandbox.exchange.delivery import Announcement, Delivery
from sandbox.exchange.domain import Destination, Submission
from sandbox.exchange.events import TokenInvalid
from sandbox.gate import Gate
from sandbox.keys import Keyring
from sandbox.oauth.api import Access
from sandbox.problems import Problem
from sandbox.store import Store

MAX_PAGE = 500
"""FIT-Connect: ``limit`` of every list."""

_REFUSALS: dict[type[Exception], tuple[int, str, str]] = {
    domain.StateInvalid: (409, "submission-state-invalid", "Submission state does not allow this"),
    domain.DestinationInactive: (409, "destination-state-invalid", "Destination is not active"),
    domain.ServiceNotOffered: (422, "service-not-offered", "Service is not offered by this destination"),
    domain.RegionNotCovered: (422, "region-not-covered", "Region is not covered by this destination"),
    domain.AttachmentNotAnnounced: (404, "attachment-not-announced", "Attachment was not announced"),
    domain.AttachmentsMissing: (422, "attachments-missing", "Announced attachments are missing"),
    domain.TagsDiffer: (422, "authentication-tags-mismatch", "Authentication tags do not match"),
    TokenInvalid: (422, "security-event-token-invalid", "Invalid security event token"),
}


def refusal(error: Exception) -> Problem | None:
    """The problem that tells of an error of the delivery service; None for anything unexpected."""
    found = _REFUSALS.get(type(error))
    return None if found is None else Problem(*found, detail=str(error))


class SubmissionApi:
    """Handlers of the endpoints."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        access: Access,
        delivery: Delivery,
        keys: Keyring,
        submitted: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._access = access
        self._delivery = delivery
        self._keys = keys
        self._submitted = submitted
        """Called after a submission has been taken."""

    async def destination(self, request: Request) -> Response:
        """GET destination; a token is not asked for."""
        found = await self._store.run(lambda db: self._delivery.destination(db, request.path_params["destination"]))
        return JSONResponse(_destination(found, self._keys.encryption[found.id].kid))

    async def key(self, request: Request) -> Response:
        """GET one key of a destination, public."""
        where = request.path_params
        jwk = await self._store.run(lambda db: self._delivery.public_key(db, where["destination"], where["kid"]))
        return JSONResponse(dict(jwk))

    async def jwks(self, request: Request) -> Response:
        """GET the keys with which the delivery service signs, public."""
        return JSONResponse({"keys": [dict(self._keys.delivery.public)]})

    async def create(self, request: Request) -> Response:
        """POST an announcement: 201."""
        client = await self._access.caller(request)
        client.require_sender()
        wanted = announcement(await read_object(request))
        made = await self._store.run(lambda db: self._delivery.create(db, client, wanted, self._clock.now()))
        return JSONResponse(_named(made), 201)

    async def upload(self, request: Request) -> Response:
        """PUT one attachment: 204."""
        client = await self._access.caller(request)
        client.require_sender()
        text = await _jose(request)
        where = request.path_params
        await self._store.run(
            lambda db: self._delivery.upload(
                db, client, where["submission"], where["attachment"], text, self._clock.now()
            )
        )
        return Response(status_code=204)

    async def submit(self, request: Request) -> Response:
        """PUT metadata and data: 200; refused a second time."""
        client = await self._access.caller(request)
        client.require_sender()
        content = await read_object(request)
        trace = current_traceparent()
        id = request.path_params["submission"]
        done = await self._store.run(
            lambda db: self._delivery.submit(db, client, id, content, trace, self._clock.now())
        )
        await self._submitted()
        return JSONResponse(_named(done))

    async def waiting(self, request: Request) -> Response:
        """GET what waits for the receiver."""
        client = await self._access.caller(request)
        client.require_receiver()
        offset, limit = _page(request)
        destination = request.query_params.get("destinationId")
        total, found = await self._store.run(lambda db: self._delivery.waiting(db, client, destination, offset, limit))
        listed = [_named(one) for one in found]
        return JSONResponse({"offset": offset, "count": len(listed), "totalCount": total, "submissions": listed})

    async def fetch(self, request: Request) -> Response:
        """GET one submission with its ciphertexts; ``traceparent`` of the answer is the sender's."""
        client = await self._access.caller(request)
        client.require_receiver()
        id = request.path_params["submission"]
        entry = await self._store.run(lambda db: self._delivery.fetch(db, client, id, self._clock.now()))
        one = entry.submission
        body = {
            **_named(one),
            "encryptedMetadata": entry.metadata,
            "encryptedData": entry.data,
            "attachments": list(one.announced),
            "publicService": {"identifier": one.service, "name": one.service_name},
        }
        if one.region is not None:
            body["region"] = one.region
        return JSONResponse(body, headers={"traceparent": entry.trace} if entry.trace else None)

    async def fetch_attachment(self, request: Request) -> Response:
        """GET one attachment as compact JWE."""
        client = await self._access.caller(request)
        client.require_receiver()
        where = request.path_params
        jwe = await self._store.run(
            lambda db: self._delivery.fetch_attachment(
                db, client, where["submission"], where["attachment"], self._clock.now()
            )
        )
        return Response(jwe, media_type="application/jose")

    async def case_log(self, request: Request) -> Response:
        """GET a page of a case's event log."""
        client = await self._access.caller(request)
        offset, limit = _page(request)
        id = request.path_params["case"]
        return _log(
            offset,
            *await self._store.run(
                lambda db: self._delivery.case_log(db, client, id, offset, limit, self._clock.now())
            ),
        )

    async def submission_log(self, request: Request) -> Response:
        """GET a page of a submission's event log."""
        client = await self._access.caller(request)
        client.require_sender()
        offset, limit = _page(request)
        id = request.path_params["submission"]
        return _log(
            offset,
            *await self._store.run(
                lambda db: self._delivery.submission_log(db, client, id, offset, limit, self._clock.now())
            ),
        )

    async def post_event(self, request: Request) -> Response:
        """POST the receiver's signed event: 204."""
        client = await self._access.caller(request)
        client.require_receiver()
        token = await _jose(request)
        id = request.path_params["case"]
        await self._store.run(lambda db: self._delivery.post_event(db, client, id, token, self._clock.now()))
        return Response(status_code=204)


def routes(gate: Gate, api: SubmissionApi) -> list[Route]:
    """The endpoints of the submission API."""
    base = "/submission-api/v2"
    table = [
        ("GET", "/destinations/{destination}", "destination", api.destination),
        ("GET", "/destinations/{destination}/keys/{kid}", "key", api.key),
        ("POST", "/submissions", "create", api.create),
        ("PUT", "/submissions/{submission}/attachments/{attachment}", "upload", api.upload),
        ("PUT", "/submissions/{submission}", "submit", api.submit),
        ("GET", "/submissions", "waiting", api.waiting),
        ("GET", "/submissions/{submission}", "fetch", api.fetch),
        ("GET", "/submissions/{submission}/attachments/{attachment}", "fetch-attachment", api.fetch_attachment),
        ("GET", "/cases/{case}/events", "case-log", api.case_log),
        ("GET", "/submissions/{submission}/events", "submission-log", api.submission_log),
        ("POST", "/cases/{case}/events", "post-event", api.post_event),
    ]
    listed = [
        gate.route(method, base + path, name, handler, translate=refusal) for method, path, name, handler in table
    ]
    return [*listed, gate.route("GET", "/submission-api/.well-known/jwks.json", "delivery-jwks", api.jwks)]


_REGION = re.compile(r"DE\d{2,12}")
_MEMBERS = {"destinationId", "announcedAttachments", "publicService", "region", "caseId"}


def announcement(body: dict[str, Any]) -> Announcement:
    """Check the body of POST /submissions; Problem 422 names the member that is wrong."""
    if unknown := set(body) - _MEMBERS:
        raise _violation(f"unknown members: {', '.join(sorted(unknown))}")
    announced, region, case_id = body.get("announcedAttachments"), body.get("region"), body.get("caseId")
    if not isinstance(announced, list) or not all(_is_uuid4(one) for one in announced):
        raise _violation("announcedAttachments must be a list of UUIDs of version 4")
    if len(set(announced)) != len(announced):
        raise _violation("announcedAttachments names an attachment twice")
    if region is not None and not (isinstance(region, str) and _REGION.fullmatch(region)):
        raise _violation("region must be DE and 2 to 12 digits")
    if case_id is not None and not isinstance(case_id, str):
        raise _violation("caseId must be a UUID")
    if not isinstance(body.get("destinationId"), str):
        raise _violation("destinationId must be a UUID")
    identifier, name = _service(body.get("publicService"))
    return Announcement(body["destinationId"], tuple(announced), identifier, name, region, case_id)


def _service(given: Any) -> tuple[str, str]:
    if not isinstance(given, dict) or set(given) - {"identifier", "name"}:
        raise _violation("publicService must hold identifier and name")
    identifier, name = given.get("identifier"), given.get("name")
    if not isinstance(identifier, str) or not identifier.startswith("urn:"):
        raise _violation("publicService.identifier must be a URN")
    if not isinstance(name, str):
        raise _violation("publicService.name must be a string")
    return identifier, name


def _is_uuid4(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value and uuid.UUID(value).version == 4
    except ValueError:
        return False


def _violation(detail: str) -> Problem:
    return Problem(422, "schema-violation", "Schema violation", detail)


async def _jose(request: Request) -> str:
    body = await read_body(request, "application/jose")
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise Problem(400, "malformed-jose", "Malformed JOSE", "compact serialization is ASCII") from error


def _page(request: Request) -> tuple[int, int]:
    given = request.query_params
    try:
        offset, limit = int(given.get("offset", "0")), int(given.get("limit", str(MAX_PAGE)))
    except ValueError as error:
        raise Problem(400, "invalid-page", "Invalid page", "offset and limit are integers") from error
    if offset < 0 or not 1 <= limit <= MAX_PAGE:
        raise Problem(400, "invalid-page", "Invalid page", f"offset from 0, limit from 1 to {MAX_PAGE}")
    return offset, limit


def _named(one: Submission) -> dict[str, Any]:
    return {"submissionId": one.id, "caseId": one.case_id, "destinationId": one.destination_id}


def _log(offset: int, total: int, tokens: list[str]) -> Response:
    return JSONResponse({"offset": offset, "count": len(tokens), "totalCount": total, "eventLog": tokens})


def _destination(one: Destination, kid: str) -> dict[str, Any]:
    schemas = [{"schemaUri": uri, "mimeType": "application/json"} for uri in one.schemas]
    return {
        "destinationId": one.id,
        "name": one.name,
        "status": one.status,
        "encryptionKid": kid,
        "publicServices": [
            {"identifier": service, "submissionSchemas": schemas, "regions": list(one.regions)}
            for service in one.services
        ],
        "metadataVersions": list(one.metadata_versions),
        "replyChannels": {channel: {} for channel in one.reply_channels},
        "contactInformation": {"legalName": "Musterbehörde (erfunden)", "email": "musterbehoerde@example.org"},
    }
