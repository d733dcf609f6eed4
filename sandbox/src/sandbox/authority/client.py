"""The authority as a receiver at the delivery service: only by its public interface."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from chassis.tracing import current_traceparent
from sandbox.authority.domain import Fetched
from sandbox.faults import AUTHORITY_AGENT
from sandbox.oauth.clients import Client

PAGE = 100


class ExchangeClient:
    """Pulls submissions and posts events."""

    def __init__(self, http: httpx.AsyncClient, client: Client) -> None:
        self._http = http
        self._client = client
        self._token: str | None = None

    async def waiting(self) -> AsyncIterator[str]:
        """Ids of all submissions that wait for an answer."""
        for destination in self._client.destinations:
            offset = 0
            while True:
                query = {"destinationId": destination, "offset": str(offset), "limit": str(PAGE)}
                page = (await self._call("GET", "/v2/submissions", params=query)).json()
                for one in page["submissions"]:
                    yield one["submissionId"]
                offset += page["count"]
                if page["count"] == 0 or offset >= page["totalCount"]:
                    break

    async def fetch(self, submission_id: str) -> Fetched:
        """All parts of one submission, still encrypted."""
        answer = await self._call("GET", f"/v2/submissions/{submission_id}")
        body = answer.json()
        attachments = {}
        for id in body["attachments"]:
            part = await self._call("GET", f"/v2/submissions/{submission_id}/attachments/{id}")
            attachments[id] = part.text
        return Fetched(
            submission_id=submission_id,
            case_id=body["caseId"],
            destination_id=body["destinationId"],
            service=body["publicService"]["identifier"],
            region=body.get("region"),
            metadata=body["encryptedMetadata"],
            data=body["encryptedData"],
            attachments=attachments,
            trace=answer.headers.get("traceparent"),
        )

    async def event_log(self, case_id: str) -> list[str]:
        """All signed events of a case, in order."""
        tokens: list[str] = []
        while True:
            query = {"offset": str(len(tokens)), "limit": str(PAGE)}
            page = (await self._call("GET", f"/v2/cases/{case_id}/events", params=query)).json()
            tokens += page["eventLog"]
            if page["count"] == 0 or len(tokens) >= page["totalCount"]:
                return tokens

    async def delivery_keys(self) -> Mapping[str, Mapping[str, Any]]:
        """Signing keys of the delivery service by their kid."""
        answer = await self._call("GET", "/.well-known/jwks.json")
        return {key["kid"]: key for key in answer.json()["keys"]}

    async def post_event(self, case_id: str, token: str) -> None:
        """Post a signed event."""
        await self._call(
            "POST", f"/v2/cases/{case_id}/events", content=token, headers={"Content-Type": "application/jose"}
        )

    async def _call(self, method: str, path: str, **call: Any) -> httpx.Response:
        """Call with a token, and once more with a fresh one after 401; httpx.HTTPStatusError for any other refusal."""
        for fresh in (False, True):
            answer = await self._send(method, path, fresh=fresh, **call)
            if answer.status_code != 401:
                break
        return answer.raise_for_status()

    async def _send(self, method: str, path: str, *, fresh: bool, **call: Any) -> httpx.Response:
        if fresh or self._token is None:
            self._token = await self._grant()
        headers = {**call.pop("headers", {}), "Authorization": f"Bearer {self._token}", **_traced()}
        return await self._http.request(method, f"/submission-api{path}", headers=headers, **call)

    async def _grant(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client.id,
            "client_secret": self._client.secret,
        }
        answer = await self._http.post("/token", data=form)
        return str(answer.raise_for_status().json()["access_token"])


def _traced() -> dict[str, str]:
    parent = current_traceparent()
    return {"traceparent": parent} if parent else {}


def open_http(app: Any, public_url: str) -> httpx.AsyncClient:
    """An HTTP client that reaches the application in this process, through all its layers."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False),
        base_url=public_url,
        headers={"User-Agent": f"{AUTHORITY_AGENT}/1"},
        timeout=30,
    )
