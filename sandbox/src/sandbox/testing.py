"""For tests of the sandbox and of its clients: a running sandbox in this process, and a plain sender."""

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwe
from joserfc.jwk import RSAKey

from chassis.clock import Clock
from sandbox.app import open_sandbox
from sandbox.exchange.destinations import TANGERHUETTE, YOUTH_MEDICAL_EXAM, YOUTH_MEDICAL_EXAM_SCHEMA
from sandbox.settings import Settings

PUBLIC_URL = "http://127.0.0.1:9"
CLIENT_ID, CLIENT_SECRET = "town-hall", "exchange-secret-for-tests"
LANDESKONTO_ID, LANDESKONTO_SECRET = "town-hall-login", "landeskonto-secret-for-tests"
REDIRECT_URI = "https://rathaus.example.org/tangerhuette/landeskonto"
OTHER_REDIRECT_URI = "https://rathaus.example.org/musterland/landeskonto"


def settings_for(data: Path, **changes: Any) -> Settings:
    """Settings of a quick sandbox with its store in ``data``."""
    values: dict[str, Any] = {
        "data": data,
        "public_url": PUBLIC_URL,
        "exchange_client_id": CLIENT_ID,
        "exchange_client_secret": CLIENT_SECRET,
        "landeskonto_client_id": LANDESKONTO_ID,
        "landeskonto_client_secret": LANDESKONTO_SECRET,
        "redirect_uris": (REDIRECT_URI, OTHER_REDIRECT_URI),
        "logout_uris": ("https://rathaus.example.org/",),
        "authority_delay": 0.0,
        "poll": 0.05,
    }
    return Settings(**{**values, **changes})


@asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A sandbox in this process, and a client to it that counts as local."""
    async with open_sandbox(settings, clock) as app:
        transport = httpx.ASGITransport(app=app)
        headers = {"User-Agent": "sandbox-tests/1"}
        async with httpx.AsyncClient(transport=transport, base_url=settings.public_url, headers=headers) as http:
            yield http


@dataclass
class Draft:
    """A submission that has been announced, with everything to be sent."""

    submission_id: str
    case_id: str
    kid: str
    key: RSAKey
    files: Mapping[str, bytes]
    metadata: dict[str, Any]
    data: bytes
    tags: dict[str, Any] = field(default_factory=lambda: {"attachments": {}})

    def seal(self, plain: bytes, **header: Any) -> str:
        """Encrypt for the destination as FIT-Connect v2 demands; ``header`` changes that, None drops a member."""
        wanted = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": self.kid, "cty": "application/json", **header}
        protected = {name: value for name, value in wanted.items() if value is not None}
        return jwe.encrypt_compact(protected, plain, self.key, algorithms=["RSA-OAEP-256", "A256GCM", "DEF"])


class Sender:
    """A sender without any comfort, for the main way and for every side step."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self._token: str | None = None

    async def token(self) -> str:
        """The access token, fetched once."""
        if self._token is None:
            form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
            answer = await self.http.post("/token", data=form)
            self._token = str(answer.raise_for_status().json()["access_token"])
        return self._token

    async def call(self, method: str, path: str, **call: Any) -> httpx.Response:
        """One call of the submission API with the token; the answer is not judged."""
        headers = {"Authorization": f"Bearer {await self.token()}", **call.pop("headers", {})}
        return await self.http.request(method, f"/submission-api/v2{path}", headers=headers, **call)

    async def create(self, files: Mapping[str, bytes] | None = None, **changes: Any) -> httpx.Response:
        """Announce a submission to Tangerhütte's destination; ``changes`` replace members of the body."""
        body = {
            "destinationId": TANGERHUETTE.id,
            "announcedAttachments": list(files or {}),
            "publicService": {"identifier": YOUTH_MEDICAL_EXAM, "name": "Untersuchungsberechtigungsschein"},
            "region": "DE150900546546",
            **changes,
        }
        sent = {name: value for name, value in body.items() if value is not None}
        return await self.call("POST", "/submissions", json=sent)

    async def draft(
        self, data: Any = None, files: Mapping[str, bytes] | None = None, reference: str | None = None, **changes: Any
    ) -> Draft:
        """Announce, fetch the key, and prepare valid metadata."""
        files = files or {}
        made = (await self.create(files, **changes)).raise_for_status().json()
        destination = (await self.call("GET", f"/destinations/{made['destinationId']}")).json()
        kid = destination["encryptionKid"]
        jwk = (await self.call("GET", f"/destinations/{made['destinationId']}/keys/{kid}")).json()
        plain = json.dumps({"given_name": "Mia"} if data is None else data).encode()
        return Draft(
            made["submissionId"],
            made["caseId"],
            kid,
            # joserfc does not take wrapKey for a key that encrypts.
            RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}),
            files,
            metadata_for(plain, files, reference or str(uuid.uuid4())),
            plain,
        )

    async def upload(self, draft: Draft, id: str, content: bytes, **header: Any) -> httpx.Response:
        """Send one attachment."""
        text = draft.seal(content, **{"cty": "application/pdf", **header})
        draft.tags["attachments"][id] = text.rpartition(".")[2]
        return await self.call(
            "PUT",
            f"/submissions/{draft.submission_id}/attachments/{id}",
            content=text,
            headers={"Content-Type": "application/jose"},
        )

    async def submit(self, draft: Draft, *, headers: Mapping[str, str] | None = None, **header: Any) -> httpx.Response:
        """Send metadata and data."""
        content = {
            "encryptedMetadata": draft.seal(json.dumps(draft.metadata).encode(), **header),
            "encryptedData": draft.seal(draft.data, **header),
        }
        draft.tags |= {
            "metadata": content["encryptedMetadata"].rpartition(".")[2],
            "data": content["encryptedData"].rpartition(".")[2],
        }
        return await self.call("PUT", f"/submissions/{draft.submission_id}", json=content, headers=headers or {})

    async def send(self, draft: Draft, **header: Any) -> Draft:
        """Upload everything and submit."""
        for id, content in draft.files.items():
            (await self.upload(draft, id, content)).raise_for_status()
        (await self.submit(draft, **header)).raise_for_status()
        return draft

    async def log(self, draft: Draft) -> list[str]:
        """The case's event log, first page."""
        answer = await self.call("GET", f"/cases/{draft.case_id}/events")
        return list(answer.raise_for_status().json()["eventLog"])


def metadata_for(data: bytes, files: Mapping[str, bytes], reference: str) -> dict[str, Any]:
    """Valid metadata 2.1.0 for these parts."""
    return {
        "$schema": "https://schema.fitko.de/fit-connect/metadata/2.1.0/metadata.schema.json",
        "contentStructure": {
            "data": {
                "hash": _sha512(data),
                "submissionSchema": {"schemaUri": YOUTH_MEDICAL_EXAM_SCHEMA, "mimeType": "application/json"},
            },
            "attachments": [
                {
                    "attachmentId": id,
                    "purpose": "attachment",
                    "mimeType": "application/pdf",
                    "filename": "anlage.pdf",
                    "hash": _sha512(content),
                }
                for id, content in files.items()
            ],
        },
        "replyChannel": {"eMail": {"address": "mia.beispiel@example.org"}},
        "additionalReferenceInfo": {"senderReference": reference, "zustimmungZumDigitalenBescheid": True},
    }


def _sha512(content: bytes) -> dict[str, str]:
    return {"type": "sha512", "content": hashlib.sha512(content).hexdigest()}
