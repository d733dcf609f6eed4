"""The gateway wired over fakes, beside the real sandbox of the state's side, both in this process."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from joserfc import jwe
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.applications import Starlette

from chassis.blobs import new_key
from chassis.ids import uuid7
from chassis.testing import FixedClock
from chassis.testing.example import TENANT
from chassis.testing.service import ServiceUnderTest, wired
from contracts.forms import ApplicationPackaged, ApplicationSubmitted, Attachment
from contracts.identity import AccountLinked, Level
from contracts.osi_gateway import SealingKeyPublished
from contracts.package import Package, PackagedFile
from osi_gateway.app import wire
from osi_gateway.settings import Settings
from osi_gateway.submissions.domain import Submission
from osi_gateway.submissions.domain import state as state_of
from osi_gateway.submissions.store import Submissions
from sandbox.app import open_sandbox
from sandbox.settings import Settings as SandboxSettings

SANDBOX = "http://state.test"
VAULT_KEY = SecretStr("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
SCHEMAS = Path(__file__).parents[2] / "forms/src/forms/catalogue/data"
LEIKA = "99068007040000"
PDF = b"%PDF-1.4 an invented identity card of Mia Beispiel"

ANSWERS: dict[str, Any] = {
    "exam_type": "first",
    "applicant_role": "young-person",
    "given_name": "Mia",
    "surname": "Beispiel",
    "birth_date": "2010-05-04",
    "birth_place": "Musterstadt",
    "street": "Musterweg",
    "house_number": "12a",
    "postal_code": "39517",
    "city": "Tangerhütte",
    "country": "DE",
    "guardians": [{"given_name": "Max", "surname": "Beispiel"}],
    "custody": "joint",
    "guardian_consent": True,
    "employment_type": "apprenticeship",
    "occupation": "Tischlerin",
    "start_date": "2027-08-01",
    "delivery": "post",
    "email": "mia@example.org",
    "privacy_ack": True,
    "truth_ack": True,
    "electronic_delivery": False,
}


def sandbox_settings(data: Path) -> SandboxSettings:
    return SandboxSettings(
        data=data,
        public_url=SANDBOX,
        exchange_client_id="rathaus",
        exchange_client_secret="sender-secret",
        landeskonto_client_id="rathaus",
        landeskonto_client_secret="secret",
        schemas=SCHEMAS,
        authority_delay=0.0,
        poll=0.05,
    )


@dataclass
class Town:
    """The gateway, what it is told, and the levers of the state's side."""

    gateway: ServiceUnderTest
    state: httpx.AsyncClient
    clock: FixedClock
    submissions: Submissions
    id: str = ""
    """An application's id that no other test uses."""
    account: str = ""
    """An account's id that no other test uses."""
    old: frozenset[str] = frozenset()

    def link(self) -> None:
        event = AccountLinked(occurred_at=self.clock.now(), account_id=self.account, level="hoch")
        self.gateway.broker.put(event, tenant=TENANT, subject=self.account, sequence=1)

    def tell(self, id: str = "", *, level: Level = "substanziell", leika_key: str = LEIKA) -> None:
        """Put the public event of a submitted application."""
        id = id or self.id
        event = ApplicationSubmitted(
            occurred_at=self.clock.now(),
            application_id=id,
            fact_id=f"fact-{id}",
            account_id=self.account,
            service="youth-medical-exam",
            leika_key=leika_key,
            region=TENANT,
            level=level,
            reference=f"TGH-2026-{id}",
        )
        self.gateway.broker.put(event, tenant=TENANT, subject=id, sequence=1)

    async def package(
        self,
        id: str = "",
        *,
        contents: tuple[bytes, ...] = (PDF,),
        kid: str = "",
        public: dict[str, str] | None = None,
        **package: Any,
    ) -> ApplicationPackaged:
        """Return the sealed event of a submitted application; its attachments are in the blob store."""
        id = id or self.id
        files = [await self._attach(f"{id}-{number}", content) for number, content in enumerate(contents)]
        packed = Package(
            **{
                "application_id": id,
                "service": "youth-medical-exam",
                "schema_uri": "urn:rathaus:schema:youth-medical-exam:1",
                "answers": ANSWERS,
                "files": tuple(named for _, named in files),
                "electronic_delivery": False,
                "submitted_on": "2026-11-25",
                "reply_email": "mia@example.org",
                **package,
            }
        )
        return ApplicationPackaged(
            occurred_at=self.clock.now(),
            application_id=id,
            fact_id=f"fact-{id}",
            account_id=self.account,
            sealed=await self.seal(packed.model_dump_json().encode(), kid, public),
            attachments=tuple(ticket for ticket, _ in files),
        )

    async def _attach(self, id: str, content: bytes) -> tuple[Attachment, PackagedFile]:
        key, path = new_key(), f"forms/{id}"
        await self.gateway.context.blobs.write(path, content, key)
        sha512 = hashlib.sha512(content).hexdigest()
        ticket = Attachment(attachment_id=id, blob=path, sha512=sha512, size=len(content), media_type="application/pdf")
        text = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
        return ticket, PackagedFile(attachment_id=id, filename="ausweis.pdf", key=text)

    def put(self, event: ApplicationPackaged) -> None:
        self.gateway.broker.put(event, tenant=TENANT, subject=event.application_id, sequence=1)

    async def hand_in(self, id: str = "", *, contents: tuple[bytes, ...] = (PDF,)) -> None:
        """Put both events of a submitted application."""
        self.tell(id)
        self.put(await self.package(id, contents=contents))

    async def seal(self, plain: bytes, kid: str, public: dict[str, str] | None) -> str:
        """Seal as forms does: to the published key, or to one that the test names."""
        if public is None:
            await self.gateway.publish()
            _, event = self.gateway.events("osi-gateway.keys")[0]
            assert isinstance(event, SealingKeyPublished)
            kid, public = event.kid, {"kty": "RSA", "n": str(event.jwk["n"]), "e": str(event.jwk["e"])}
        header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": kid}
        return jwe.encrypt_compact(header, plain, RSAKey.import_key({**public}), algorithms=["RSA-OAEP-256", "A256GCM"])

    async def submission(self, id: str = "") -> Submission:
        return (await self.submissions.load(TENANT, id or self.id)).state

    async def until(self, reached: Callable[[], Awaitable[bool]], rounds: int = 200) -> None:
        """Let both sides work, the clock a second further each round."""
        for _ in range(rounds):
            await self.gateway.settle(rounds=200)
            if await reached():
                return
            await asyncio.sleep(0.02)
            self.clock.advance(1)
        raise AssertionError("not reached")

    async def until_state(self, state: str, id: str = "") -> Submission:
        async def reached() -> bool:
            return state_of(await self.submission(id)) == state

        await self.until(reached)
        return await self.submission(id)

    async def received(self) -> dict[str, Any]:
        """What the authority has read, in plain."""
        params = {"reference": f"TGH-2026-{self.id}"}
        inbox = (await self.state.get("/admin/authority/inbox", params=params)).json()["inbox"]
        assert len(inbox) == 1, inbox
        found: dict[str, Any] = (await self.state.get(f"/admin/authority/inbox/{inbox[0]['submission_id']}")).json()
        return found

    async def at_exchange(self) -> list[dict[str, Any]]:
        """What the exchange holds since the test began."""
        found = (await self.state.get("/admin/submissions")).json()["submissions"]
        return [one for one in found if one["id"] not in self.old]

    async def fault(self, endpoint: str, kind: str, times: int = 1, seconds: float = 0.0) -> None:
        order = {"endpoint": endpoint, "kind": kind, "times": times, "seconds": seconds}
        assert (await self.state.post("/admin/faults", json=order)).status_code == 201

    def published(self, id: str = "") -> list[Any]:
        """What others have learnt of an application."""
        events = self.gateway.events("osi-gateway.submissions")
        return [event for envelope, event in events if envelope.subject == (id or self.id)]


@pytest.fixture(scope="session")
def clock() -> FixedClock:
    return FixedClock()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(tmp_path_factory: pytest.TempPathFactory, clock: FixedClock) -> AsyncIterator[Starlette]:
    """The real sandbox, once for all tests: its keys of 4096 bit take seconds to make."""
    async with open_sandbox(sandbox_settings(tmp_path_factory.mktemp("sandbox")), clock) as app:
        yield app


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        vault_key=VAULT_KEY,
        blobs_url=str(tmp_path_factory.mktemp("blobs")),
        public_url="https://rathaus.example.org",
        exchange_token_url=f"{SANDBOX}/token",
        exchange_submission_url=f"{SANDBOX}/submission-api",
        exchange_routing_url=f"{SANDBOX}/routing",
        exchange_routing_keys_url=f"{SANDBOX}/routing/.well-known/jwks.json",
        exchange_client_id="rathaus",
        exchange_client_secret=SecretStr("sender-secret"),
        exchange_poll_seconds=1,
        data_schemas=SCHEMAS,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_town(sandbox: Starlette, settings: Settings, clock: FixedClock) -> AsyncIterator[Town]:
    transport = httpx.ASGITransport(sandbox, client=("127.0.0.1", 1), raise_app_exceptions=False)
    async with AsyncExitStack() as stack:
        state = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=SANDBOX))
        gateway = await stack.enter_async_context(
            wired("osi-gateway", settings, partial(wire, transport=transport), clock=clock)
        )
        submissions = next(one for one in gateway.parts.provides if isinstance(one, Submissions))
        yield Town(gateway, state, clock, submissions)


@pytest_asyncio.fixture(loop_scope="session")
async def town(shared_town: Town) -> AsyncIterator[Town]:
    """The gateway and the sandbox without open orders; applications and accounts of a test have names of their own."""
    old = frozenset(one["id"] for one in await shared_town.at_exchange())
    yield replace(shared_town, id=uuid7(), account=uuid7(), old=old)
    await shared_town.state.delete("/admin/faults")
    await shared_town.state.delete("/admin/authority")
