"""HTTP client of the state's exchange: FIT-Connect Submission API v2, Routing API 2.0.0, OAuth token endpoint.

Every call has timeouts and says who we are. Sending an announcement is the one call that must not be repeated
blindly; all others may be.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from chassis.errors import Transient
from osi_gateway.exchange import jose
from osi_gateway.exchange.answers import check, json_object, text
from osi_gateway.exchange.domain import (
    Offer,
    Refused,
    check_destination,
    check_encryption_key,
    check_route,
    check_signature_key,
    region_code,
    service_uri,
)

_log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
"""Seconds for each read or write, and for the connection."""
_PAGE = 500
_MOST_PAGES = 20
_EARLY = 30.0
"""Seconds before its end that a token is not used any more."""
_KEYS_FRESH = 60.0
"""Seconds in which a key set is not asked for again because of an unknown key."""
_OK = frozenset({200})


@dataclass(frozen=True)
class Addresses:
    """Where the exchange is. Each environment has its own."""

    token: str
    submission: str
    """Base of the Submission API, without the version."""
    routing: str
    """Base of the Routing API, without the version."""
    routing_keys: str
    """JWKS of the portal that signs routes."""


@dataclass(frozen=True)
class Created:
    """An announced submission."""

    submission_id: str
    case_id: str


def open_http(public_url: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return the HTTP client for all calls to the exchange. It refuses callers without a name."""
    agent = f"DigitalesRathaus-osi-gateway/0.1.0 (+{public_url})"
    return httpx.AsyncClient(timeout=TIMEOUT, headers={"User-Agent": agent}, transport=transport)


class Exchange:
    """The exchange as a sender sees it. Its answers are checked before they are returned."""

    def __init__(self, http: httpx.AsyncClient, addresses: Addresses, client_id: str, client_secret: SecretStr) -> None:
        self._http = http
        self._at = addresses
        self._tokens = _Tokens(http, addresses.token, client_id, client_secret)
        self._routing_keys = _KeySet(http, addresses.routing_keys, "routing keys")
        self._exchange_keys = _KeySet(http, f"{addresses.submission}/.well-known/jwks.json", "exchange keys")
        self._authority_keys: dict[tuple[str, str], dict[str, Any]] = {}

    async def find_destination(self, leika_key: str, ars: str) -> str | None:
        """Ask which destination takes the service for the region; None where there is no electronic way.

        Raises:
            Refused: more than one, or a route whose signature does not hold.
            Transient: the routing service is not available now.
        """
        what = f"route of {leika_key} in {ars}"
        query = {"leikaKey": leika_key, "ars": ars}
        response = await self._send(what, "GET", f"{self._at.routing}/v2/routes", params=query)
        check(response, what, expected=_OK)
        routes = json_object(response, what).get("routes")
        if not isinstance(routes, list) or not all(isinstance(route, dict) for route in routes):
            raise Transient(f"{what}: the answer has no routes")
        if not routes:
            return None
        if len(routes) > 1:
            raise Refused(f"{what}: {len(routes)} destinations, and nobody to choose")
        return await self._trusted(routes[0], leika_key, ars, what)

    async def _trusted(self, route: dict[str, Any], leika_key: str, ars: str, what: str) -> str:
        destination_id = text(route, "destinationId", what)
        signature = text(route, "destinationSignature", what)
        try:
            header, claims = jose.peek(signature)
            key = await self._routing_keys.find(str(header.get("kid", "")))
            jose.verify(signature, key)
        except jose.Unreadable as error:
            raise Refused(f"{what}: {error}") from None
        check_route(claims, destination_id, leika_key, ars, self._at.submission)
        return destination_id

    async def examine(self, destination_id: str, leika_key: str, ars: str) -> Offer:
        """Read the destination.

        Raises:
            Refused: it does not take the service, or is not active.
            Transient: the exchange is not available now.
        """
        body = await self._get(f"/v2/destinations/{destination_id}", f"destination {destination_id}")
        return check_destination(body, destination_id, leika_key, ars)

    async def encryption_key(self, destination_id: str, kid: str) -> dict[str, Any]:
        """Return the destination's public key for encryption, a JWK.

        Raises:
            Refused: absent, too weak, or for another purpose.
            Transient: the exchange is not available now.
        """
        what = f"key {kid} of destination {destination_id}"
        return check_encryption_key(await self._get(f"/v2/destinations/{destination_id}/keys/{kid}", what), kid)

    async def create(
        self, destination_id: str, leika_key: str, service: str, ars: str, attachments: Sequence[str]
    ) -> Created:
        """Announce a submission with its attachments. Not repeatable: one that is never sent expires after a day.

        Raises:
            Refused: the exchange does not want it.
            Transient: the exchange is not available now, or nobody knows.
        """
        what = "announcement"
        body = {
            "destinationId": destination_id,
            "announcedAttachments": list(attachments),
            "publicService": {"identifier": service_uri(leika_key), "name": service},
            "region": region_code(ars),
        }
        response = await self._signed_in(what, "POST", "/v2/submissions", json=body)
        check(response, what, expected=frozenset({201}))
        answer = json_object(response, what)
        return Created(text(answer, "submissionId", what), text(answer, "caseId", what))

    async def upload(self, submission_id: str, attachment_id: str, ciphertext: bytes) -> None:
        """Hand over one attachment, a compact JWE.

        Raises:
            Refused: the exchange does not want it.
            Transient: the exchange is not available now.
        """
        what = f"attachment of submission {submission_id}"
        path = f"/v2/submissions/{submission_id}/attachments/{attachment_id}"
        headers = {"Content-Type": "application/jose"}
        response = await self._signed_in(what, "PUT", path, content=ciphertext, headers=headers)
        check(response, what, expected=frozenset({204}))

    async def submit(self, submission_id: str, metadata: str, data: str) -> None:
        """Send the submission, both parts as compact JWE. The exchange takes it once.

        Raises:
            Refused: the exchange does not want it, or has it already.
            Transient: the exchange is not available now, or nobody knows.
        """
        what = f"submission {submission_id}"
        body = {"encryptedMetadata": metadata, "encryptedData": data}
        response = await self._signed_in(what, "PUT", f"/v2/submissions/{submission_id}", json=body)
        check(response, what, expected=_OK)
        # A page of somebody in between says 200 too: only the exchange's own answer means that it has the submission.
        json_object(response, what)

    async def events(self, case_id: str) -> list[str]:
        """Return the case's event log, oldest first, as compact JWS; nothing in it is verified.

        Raises:
            Refused: the exchange does not know the case, or does not know us.
            Transient: the exchange is not available now.
        """
        tokens: list[str] = []
        for _ in range(_MOST_PAGES):
            what = f"event log of case {case_id}"
            body = await self._get(f"/v2/cases/{case_id}/events", what, offset=len(tokens), limit=_PAGE)
            page = body.get("eventLog")
            if not isinstance(page, list) or not all(isinstance(token, str) for token in page):
                raise Transient(f"{what}: the answer has no eventLog")
            tokens += page
            total = body.get("totalCount")
            if not page or not isinstance(total, int) or len(tokens) >= total:
                break
        return tokens

    async def exchange_key(self, kid: str) -> dict[str, Any]:
        """Return the exchange's own signature key.

        Raises:
            Refused: there is none, or it is not for signatures.
            Transient: the exchange is not available now.
        """
        return await self._exchange_keys.find(kid)

    async def authority_key(self, destination_id: str, kid: str) -> dict[str, Any]:
        """Return a signature key of the destination.

        Raises:
            Refused: there is none, or it is not for signatures.
            Transient: the exchange is not available now.
        """
        if (found := self._authority_keys.get((destination_id, kid))) is not None:
            return found
        if not kid.isascii() or not kid.replace("-", "").replace("_", "").isalnum():
            raise Refused("the signature key's kid is no identifier")
        what = f"signature key of destination {destination_id}"
        key = await self._get(f"/v2/destinations/{destination_id}/keys/{kid}", what)
        check_signature_key(key, kid)
        self._authority_keys[destination_id, kid] = key
        return key

    async def _get(self, path: str, what: str, **query: int) -> dict[str, Any]:
        response = await self._signed_in(what, "GET", path, params=query)
        check(response, what, expected=_OK)
        return json_object(response, what)

    async def _signed_in(self, what: str, method: str, path: str, **call: Any) -> httpx.Response:
        """Call with a token; a token that is refused is fetched anew once."""
        headers = dict(call.pop("headers", {}))
        for attempt in ("cached", "fresh"):
            token = await self._tokens.get(fresh=attempt == "fresh")
            headers["Authorization"] = f"Bearer {token}"
            response = await self._send(what, method, f"{self._at.submission}{path}", headers=headers, **call)
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return response
        _log.error("the exchange does not accept our token", extra={"fields": {"call": what}})
        raise Transient(f"{what}: the exchange does not accept our token", retry_after=60)

    async def _send(self, what: str, method: str, url: str, **call: Any) -> httpx.Response:
        return await send(self._http, what, method, url, **call)


async def send(http: httpx.AsyncClient, what: str, method: str, url: str, **call: Any) -> httpx.Response:
    """Make one call.

    Raises:
        Transient: no connection, no answer in time, or an answer that breaks off.
    """
    try:
        return await http.request(method, url, **call)
    except httpx.HTTPError as error:
        raise Transient(f"{what}: {type(error).__name__}") from None


class _Tokens:
    """One access token by client credentials, reused until shortly before it ends (FIT-Connect, "authentication")."""

    def __init__(self, http: httpx.AsyncClient, url: str, client_id: str, client_secret: SecretStr) -> None:
        self._http = http
        self._url = url
        self._client_id = client_id
        self._client_secret = client_secret
        self._token = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def get(self, *, fresh: bool) -> str:
        """Return a token; ``fresh`` forgets the cached one."""
        async with self._lock:
            if fresh or time.monotonic() >= self._until:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        what = "token"
        self._until = 0.0
        # Id and secret go into the form: by HTTP Basic the server answers invalid_client. No scope: it derives it.
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret.get_secret_value(),
        }
        response = await send(self._http, what, "POST", self._url, data=form)
        try:
            check(response, what, expected=_OK)
        except Refused as error:
            _log.error("the exchange does not accept our credentials", extra={"fields": {"status": error.status}})
            raise Transient("token: the exchange does not accept our credentials", retry_after=60) from None
        body = json_object(response, what)
        self._token = text(body, "access_token", what)
        lasts = body.get("expires_in")
        self._until = time.monotonic() + max(0.0, (lasts if isinstance(lasts, int) else 0) - _EARLY)


class _KeySet:
    """A JWKS, kept; asked for again when a key is unknown, but not more often than once a minute."""

    def __init__(self, http: httpx.AsyncClient, url: str, what: str) -> None:
        self._http = http
        self._url = url
        self._what = what
        self._keys: Mapping[str, dict[str, Any]] = {}
        self._read_at = float("-inf")

    async def find(self, kid: str) -> dict[str, Any]:
        """Return the key.

        Raises:
            Refused: there is none, or it is not for signatures.
            Transient: the key set is not available now.
        """
        if kid not in self._keys and time.monotonic() - self._read_at > _KEYS_FRESH:
            await self._read()
        key = self._keys.get(kid)
        if key is None:
            raise Refused(f"{self._what}: the key that signed is unknown")
        check_signature_key(key, kid)
        return key

    async def _read(self) -> None:
        response = await send(self._http, self._what, "GET", self._url)
        check(response, self._what, expected=_OK)
        keys = json_object(response, self._what).get("keys")
        if not isinstance(keys, list):
            raise Transient(f"{self._what}: the answer has no keys")
        self._keys = {str(key.get("kid")): key for key in keys if isinstance(key, dict)}
        self._read_at = time.monotonic()
