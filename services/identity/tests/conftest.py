"""One identity service in this process: the real app, with database, clock and Landeskonto in the hand of the test."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from pydantic import SecretStr

from chassis.auth import TokenKeys
from chassis.documents import Database
from chassis.http import create_app
from chassis.municipalities import Municipalities
from chassis.process import Context
from chassis.relay import Relay
from chassis.testing import FixedClock, MemoryBus, MemoryDatabase
from contracts.identity import VerificationRequested
from identity.app import PROBLEMS, ROUTERS, wire
from identity.settings import Settings

ARS = "150900546546"
OTHER_ARS = "150909999000"
PASSWORD = "Drei Enten am Teich"
ISSUER = "https://konto.example.org"


class Issuer:
    """A Landeskonto whose ID tokens say what the test wants."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.key = ECKey.generate_key("P-256", {"kid": "k-1", "alg": "ES256", "use": "sig"})
        self.claims: dict[str, Any] = {}
        """Put over those of a good token."""
        self.header: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.down = False
        self.refuse = False
        self.token: str | None = None
        """Answered in place of a signed token."""
        self.asked: dict[str, Any] = {}
        self.redeemed: list[dict[str, list[str]]] = []

    def visit(self, url: str) -> dict[str, str]:
        """Sign in like a browser that followed the address; return what comes back in the redirect."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        return {"code": "code-1", "state": self.asked["state"], "iss": ISSUER}

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down", request=request)
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self._metadata() | self.metadata)
            case "/jwks":
                return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
            case "/token":
                return self._redeem(request)
        return httpx.Response(404)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "code_challenge_methods_supported": ["S256"],
            "acr_values_supported": ["STORK-QAA-Level-4", "STORK-QAA-Level-1", "STORK-QAA-Level-3"],
        }

    def _redeem(self, request: httpx.Request) -> httpx.Response:
        self.redeemed.append(parse_qs(request.content.decode()))
        if self.refuse:
            return httpx.Response(400, json={"error": "invalid_grant"})
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": "rathaus",
            "sub": "bpk-1",
            "nonce": self.asked.get("nonce"),
            "acr": "STORK-QAA-Level-4",
            "auth_time": now,
            "iat": now,
            "exp": now + 300,
        } | self.claims
        token = self.token or jwt.encode(
            {"alg": "ES256", "kid": self.key.kid, "typ": "JWT"} | self.header, claims, self.key
        )
        return httpx.Response(200, json={"access_token": "unused", "token_type": "Bearer", "id_token": token})


class Town:
    """The service and what the tests look at."""

    def __init__(self, app: Any, database: Database, clock: FixedClock, relay: Relay, bus: MemoryBus) -> None:
        self.app = app
        self.database = database
        self.clock = clock
        self.bus = bus
        self._relay = relay
        self._keys = 0

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Return a client: a browser with its own cookies, or a bearer."""
        headers = {"authorization": f"Bearer {token}"} if token else {"origin": "https://rathaus.example.org"}
        transport = httpx.ASGITransport(self.app, client=("192.0.2.1", 1234))
        return httpx.AsyncClient(transport=transport, base_url="https://rathaus.example.org", headers=headers)

    def path(self, rest: str, ars: str = ARS) -> str:
        return f"/api/identity/v1/{ars}/{rest}"

    def key(self) -> dict[str, str]:
        self._keys += 1
        return {"idempotency-key": f"key-{self._keys}"}

    async def call(self, method: str, rest: str, body: Any = None, *, ars: str = ARS, **more: Any) -> httpx.Response:
        """Call once; ``token``, ``headers`` as needed."""
        async with self.client(more.pop("token", None)) as client:
            headers = (
                {"content-type": "application/json"} | more.pop("headers", {})
                if body is not None
                else more.pop("headers", {})
            )
            content = None if body is None else json.dumps(body)
            return await client.request(method, self.path(rest, ars), content=content, headers=headers)

    async def events(self, topic: str) -> list[Any]:
        """Let the relay publish what waits; return all events of a topic."""
        while await self._relay.round():
            pass
        return [event for _, event in self.bus.broker.events(topic)]

    async def register(self, email: str = "mia@example.org", *, ars: str = ARS, password: str = PASSWORD) -> str:
        answer = await self.call(
            "POST", "accounts", {"email": email, "password": password}, ars=ars, headers=self.key()
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["account_id"])

    async def code(self, account: str) -> str | None:
        found = [event for event in await self.events("identity.messages") if event.account_id == account]
        assert len(found) == 1
        assert isinstance(found[0], VerificationRequested)
        return found[0].code

    async def verify(self, account: str, code: str | None, *, ars: str = ARS) -> httpx.Response:
        return await self.call("POST", f"accounts/{account}/verification", {"code": code}, ars=ars)

    async def citizen(self, email: str = "mia@example.org", *, ars: str = ARS) -> str:
        """Return a proven account."""
        account = await self.register(email, ars=ars)
        answer = await self.verify(account, await self.code(account), ars=ars)
        assert answer.status_code == 204, answer.text
        return account

    async def try_sign_in(
        self, email: str = "mia@example.org", password: str = PASSWORD, *, ars: str = ARS, **more: Any
    ) -> httpx.Response:
        body = {"email": email, "password": password, "transport": "bearer"}
        return await self.call("POST", "sessions", body, ars=ars, **more)

    async def sign_in(self, email: str = "mia@example.org", *, ars: str = ARS) -> dict[str, Any]:
        answer = await self.try_sign_in(email, ars=ars)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refresh(self, token: str, *, ars: str = ARS) -> httpx.Response:
        return await self.call("POST", "sessions/refresh", {"refresh_token": token}, ars=ars)

    async def begin_link(self, token: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
        return await self.call(
            "POST", "links", {"password": password}, token=token, headers=more.pop("headers", self.key()), **more
        )

    async def complete_link(self, token: str, link: str, brought: dict[str, str], **more: Any) -> httpx.Response:
        return await self.call("POST", f"links/{link}/completion", brought, token=token, **more)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def issuer(clock: FixedClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def provider(issuer: Issuer) -> tuple[dict[str, Any], httpx.AsyncBaseTransport]:
    """Settings of the Landeskonto, and the way to it; test_links_sandbox puts the sandbox in its place."""
    settings = {
        "landeskonto_issuer": ISSUER,
        "landeskonto_client_id": "rathaus",
        "landeskonto_client_secret": SecretStr("secret"),
    }
    return settings, httpx.MockTransport(issuer.handle)


@pytest.fixture
def database() -> Database:
    """In memory; test_real_database puts the real one in its place."""
    return MemoryDatabase("identity")


@pytest.fixture
async def town(
    database: Database, clock: FixedClock, provider: tuple[dict[str, Any], httpx.AsyncBaseTransport]
) -> AsyncIterator[Town]:
    bus = MemoryBus("identity", database, clock)
    municipalities = Municipalities(Path(__file__).parents[3] / "municipalities")
    landeskonto, transport = provider
    settings = Settings(
        vault_key=SecretStr("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
        public_url="https://rathaus.example.org",
        **landeskonto,
    )
    async with AsyncExitStack() as stack:
        keys = TokenKeys(database.collection("token_keys"), clock)
        context = Context("identity", settings, database, clock, bus, municipalities, keys, stack)
        parts = await wire(context, transport)
        provides = [*parts.provides, municipalities, keys]
        app = create_app("identity", ROUTERS, PROBLEMS, provides=provides, clock=clock)
        relay = Relay(
            database, [kind.documents for kind in parts.aggregates], bus.open_publisher, me="relay", clock=clock
        )
        yield Town(app, database, clock, relay, bus)


@pytest.fixture
def stopwatch() -> Any:
    return time.perf_counter
