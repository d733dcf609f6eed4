"""One service wired for a component test: fake database and broker, its real routes, handlers and timers."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth import TokenKeys
from chassis.clock import Clock
from chassis.documents import Database
from chassis.http import create_app
from chassis.ids import uuid7
from chassis.municipalities import Municipalities
from chassis.process import Context, Parts, Wire
from chassis.relay import Relay
from chassis.settings import ServiceSettings
from chassis.testing.bus import MemoryBroker, MemoryBus
from chassis.testing.clock import FixedClock
from chassis.testing.example import TENANT
from chassis.testing.memory import MemoryDatabase
from contracts import Event
from contracts.envelope import Envelope

MUNICIPALITIES = Path(__file__).parents[4] / "municipalities"


class Signer:
    """Signs access tokens as identity does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = ECKey.generate_key("P-256", {"kid": uuid7()}, private=True)

    @property
    def kid(self) -> str:
        """Id of the key."""
        return str(self._key.kid)

    @property
    def public(self) -> dict[str, str]:
        """The key as identity publishes it."""
        return {name: str(value) for name, value in self._key.as_dict(private=False).items()}

    def token(self, account: str, tenant: str = TENANT, **claims: Any) -> str:
        """Return an access token of 5 minutes."""
        now = int(self._clock.now().timestamp())
        said = {
            "iss": "urn:rathaus:identity",
            "aud": "rathaus",
            "sub": account,
            "tenant": tenant,
            "sid": uuid7(),
            "acr": "basis",
            "linked": False,
            "roles": [],
            "org": None,
            "auth_time": now,
            "iat": now,
            "exp": now + int(timedelta(minutes=5).total_seconds()),
            "jti": uuid7(),
            **claims,
        }
        return jwt.encode({"alg": "ES256", "kid": self.kid, "typ": "at+jwt"}, said, self._key)


@dataclass
class ServiceUnderTest:
    """A wired service, driven step by step: nothing runs in the background."""

    name: str
    app: FastAPI
    parts: Parts
    bus: MemoryBus
    database: Database
    clock: FixedClock
    signer: Signer
    context: Context[Any]
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, account: str | None = None, tenant: str = TENANT, **claims: Any) -> httpx.AsyncClient:
        """Return an HTTP client, signed in as an account or as nobody."""
        headers = {"Authorization": f"Bearer {self.signer.token(account, tenant, **claims)}"} if account else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://town.test", headers=headers)
        self.clients.append(client)
        return client

    @property
    def broker(self) -> MemoryBroker:
        """The topics."""
        return self.bus.broker

    def events(self, topic: str) -> list[tuple[Envelope, Event | None]]:
        """Return what a topic holds, each checked against its contract."""
        return self.broker.events(topic)

    async def publish(self) -> None:
        """Let the relay publish what was written."""
        collections = [aggregates.documents for aggregates in self.parts.aggregates]
        relay = Relay(self.database, collections, self.bus.open_publisher, me="test", clock=self.clock)
        await relay.round()

    async def fire(self) -> bool:
        """Let the timers fire once; whether anything was due."""
        return any([await timer.look() for timer in self.parts.timers])

    async def settle(self, rounds: int = 50) -> None:
        """Publish, deliver and fire until nothing happens any more.

        Raises:
            AssertionError: it never comes to rest.
        """
        for _ in range(rounds):
            await self.publish()
            delivered = await self.bus.deliver()
            if not await self.fire() and not delivered:
                return
        raise AssertionError(f"{self.name} does not come to rest within {rounds} rounds")


@asynccontextmanager
async def wired(
    name: str,
    settings: ServiceSettings,
    wire: Wire[Any],
    *,
    broker: MemoryBroker | None = None,
    clock: FixedClock | None = None,
    database: Database | None = None,
    signer: Signer | None = None,
    municipalities: Path = MUNICIPALITIES,
    on_kick: Callable[[], None] = lambda: None,
) -> AsyncIterator[ServiceUnderTest]:
    """Wire a service over fakes; several may share one broker and one signer."""
    clock = clock or FixedClock()
    database = database or MemoryDatabase(name.replace("-", "_"))
    bus = MemoryBus(name, database, clock, broker)
    signer = signer or Signer(clock)
    async with AsyncExitStack() as stack:
        keys = TokenKeys(database.collection("token_keys"), clock)
        await keys.put(signer.kid, signer.public, None)
        context: Context[Any] = Context(
            service=name,
            settings=settings,
            database=database,
            clock=clock,
            bus=bus,
            municipalities=Municipalities(municipalities),
            token_keys=keys,
            stack=stack,
            kick=on_kick,
        )
        parts = await wire(context)
        bus.watch([aggregates.documents for aggregates in parts.aggregates])
        provides = [*parts.provides, context.municipalities, keys, context]
        app = create_app(name, parts.routers, parts.problems, provides=provides, clock=clock)
        service = ServiceUnderTest(name, app, parts, bus, database, clock, signer, context)
        yield service
        for client in service.clients:
            await client.aclose()
