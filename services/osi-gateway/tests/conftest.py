"""The gateway wired over fakes, beside the real sandbox of the state's side, both in this process."""

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
from chassis.errors import Transient
from chassis.ids import uuid7
from chassis.testing import START, FixedClock
from chassis.testing.example import TENANT
from chassis.testing.service import ServiceUnderTest, wired
from contracts.forms import ApplicationPackaged, ApplicationSubmitted, Attachment
from contracts.identity import AccountLinked, Level
from contracts.osi_gateway import SealingKeyPublished
from contracts.package import Package, PackagedFile
from osi_gateway.app import wire
from osi_gateway.exchange.client import Created
from osi_gateway.exchange.domain import Offer, Refused
from osi_gateway.letters.domain import Letter, Part, Tags
from osi_gateway.receipts.domain import Receipt
from osi_gateway.receipts.reader import Log
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

PROBLEMS = "https://schema.fitko.de/fit-connect/submission-api/problems/"
ANSWERS: dict[str, Any] = json.loads((Path(__file__).parent / "data/answers.json").read_text("utf-8"))


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


class Gates:
    """Where workers stand still until the test lets them go on."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, asyncio.Future[str | None]]] = []
        self.open = False
        self.astray = False
        """Whether a front leads every call astray: it answers 404 in the exchange's place."""
        self.refusals = 0

    async def pass_(self, name: str) -> str | None:
        """Wait; returns how the step shall fail, None for not at all."""
        if self.open:
            return None
        gate: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.waiting.append((name, gate))
        return await gate

    async def around(self, name: str, effect: Callable[[], Any]) -> Any:
        """An effect outside with a moment before and one after it, each of which may be the worker's last."""
        failure = await self.pass_(f"before {name}")
        if failure == "refused-before":
            raise Transient(f"{name}: status 503")
        if failure == "no" and name in ("create", "upload", "submit"):
            self.refusals += 1
            raise Refused(f"{name}: status 422", status=422)
        if self.astray and name not in ("write", "erase"):
            self.refusals += 1
            raise Refused(f"{name}: status 404", status=404)
        result = effect()
        await self.pass_(f"after {name}")
        if failure == "lost":
            raise Transient(f"{name}: no answer")
        return result


@dataclass
class AtExchange:
    """One submission in the model of the exchange."""

    announced: tuple[str, ...]
    created_at: datetime
    uploaded: dict[str, str] = field(default_factory=dict)
    tags: Tags | None = None


class Model:
    """The exchange and the letters, without HTTP and without encryption; answers as the documentation says."""

    def __init__(self, clock: FixedClock) -> None:
        self.gates = Gates()
        self.clock = clock
        self.submissions: dict[str, AtExchange] = {}
        self.blobs: dict[str, str] = {}
        self.accepted = False
        self.unverifiable = False
        """Whether no key verifies what stands in the log."""

    async def find_destination(self, *given: Any) -> Any:
        return await self.gates.around("find_destination", lambda: "dest")

    async def examine(self, *given: Any) -> Any:
        return Offer("x", "kid-12345", ("urn:x",), True)

    async def encryption_key(self, *given: Any) -> Any:
        return {}

    async def write(self, order: Any, folder: str) -> Letter:
        """Write a letter; it may die with one part written."""
        parts = []
        for name in ("metadata", "data", "0", "1"):
            part = Part(str(uuid.uuid4()) if name.isdigit() else name, f"{folder}/{name}", uuid.uuid4().hex)
            await self.gates.around("write", partial(self.blobs.update, {part.blob: part.tag}))
            parts.append(part)
        return Letter(folder, "key", "urn:x", parts[0], parts[1], tuple(parts[2:]))

    async def read(self, letter: Letter, part: Part) -> bytes:
        if part.blob not in self.blobs:
            raise Refused("lost")
        return self.blobs[part.blob].encode()

    async def erase(self, folder: str, attachments: int) -> None:
        def effect() -> None:
            for name in ("metadata", "data", *map(str, range(attachments))):
                self.blobs.pop(f"{folder}/{name}", None)

        await self.gates.around("erase", effect)

    async def create(self, *given: Any) -> Created:
        def effect() -> Created:
            id = str(uuid.uuid4())
            self.submissions[id] = AtExchange(tuple(given[-1]), self.clock.now())
            return Created(id, f"case-{id}")

        created: Created = await self.gates.around("create", effect)
        return created

    def _found(self, id: str) -> AtExchange:
        found = self.submissions.get(id)
        if found is None or (found.tags is None and self.clock.now() >= found.created_at + timedelta(days=1)):
            raise Refused("not found", status=404, type=f"{PROBLEMS}submission-not-found")
        if found.tags is not None:
            raise Refused("was sent already", status=409)
        return found

    async def upload(self, id: str, attachment: str, ciphertext: bytes) -> None:
        def effect() -> None:
            found = self._found(id)
            assert attachment in found.announced
            found.uploaded[attachment] = ciphertext.decode()

        await self.gates.around("upload", effect)

    async def submit(self, id: str, metadata: str, data: str) -> None:
        def effect() -> None:
            found = self._found(id)
            assert set(found.uploaded) == set(found.announced)
            found.tags = Tags(metadata, data, frozenset(found.uploaded.items()))

        await self.gates.around("submit", effect)

    async def log(self, expected: Any, known: frozenset[str]) -> Log:
        def effect() -> Log:
            found = self.submissions[expected.submission_id]
            signed = ("create", *["submit"] * (found.tags is not None), *["accept"] * self.accepted)
            receipts = [Receipt(f"{kind}-{expected.submission_id}", kind, START, "t", found.tags) for kind in signed]
            unknown = [one for one in receipts if one.jti not in known]
            if self.unverifiable:
                self.gates.refusals += 1
                return Log((), tuple(f"event {one.jti}: the key that signed is unknown" for one in unknown))
            return Log(tuple(unknown), ())

        log: Log = await self.gates.around("log", effect)
        return log

    def in_effect(self) -> list[AtExchange]:
        return [one for one in self.submissions.values() if one.tags is not None]


@pytest.fixture(scope="session")
def model_of_exchange() -> type[Model]:
    return Model


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
