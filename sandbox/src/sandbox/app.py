"""Wires the state's side by hand: opened in order, closed in reverse."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from html import escape

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chassis.clock import Clock, SystemClock
from sandbox import keys as key_store
from sandbox.admin import api as admin_api
from sandbox.authority import inbox
from sandbox.authority.behaviour import Behaviour
from sandbox.authority.client import ExchangeClient, open_http
from sandbox.authority.schemas import Schemas
from sandbox.authority.worker import Authority, Pace
from sandbox.exchange import api as exchange_api
from sandbox.exchange import store as exchange_store
from sandbox.exchange.delivery import Delivery
from sandbox.exchange.destinations import DESTINATIONS
from sandbox.faults import Faults
from sandbox.gate import Gate, bug, unknown_path
from sandbox.landeskonto import api as landeskonto_api
from sandbox.landeskonto import store as landeskonto_store
from sandbox.landeskonto.domain import Registration
from sandbox.oauth import api as oauth_api
from sandbox.oauth import tokens
from sandbox.oauth.clients import Client
from sandbox.pages import page
from sandbox.routing import api as routing_api
from sandbox.settings import Settings
from sandbox.store import Store

RECEIVER = "sandbox-authority"
"""Client id of the receiving authority."""

_log = logging.getLogger(__name__)

TABLES = (
    *key_store.TABLES,
    *tokens.TABLES,
    *exchange_store.TABLES,
    *inbox.TABLES,
    *landeskonto_store.TABLES,
)


@asynccontextmanager
async def open_sandbox(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Starlette]:
    """The running application: store open, keys made, authority and deadlines at work.

    Raises StoreInUse when another sandbox has the same data folder.
    """
    clock = clock or SystemClock(settings.clock_offset_file)
    schemas = Schemas(settings.schemas)
    async with AsyncExitStack() as stack:
        store = await Store.open(settings.data / "sandbox.sqlite", TABLES)
        stack.push_async_callback(store.close)
        ids = [one.id for one in DESTINATIONS]
        await store.run(lambda db: exchange_store.seed_destinations(db, DESTINATIONS))
        keys = await key_store.open_keyring(store, ids, clock.now())

        sender = Client(settings.exchange_client_id, settings.exchange_client_secret)
        receiver = Client(RECEIVER, settings.receiver_secret, tuple(ids))
        access = oauth_api.Access(store, clock, [sender, receiver])
        delivery = Delivery(keys, settings.submission_api)
        faults, behaviour = Faults(), Behaviour()
        gate = Gate(faults)
        app = Starlette(exception_handlers={HTTPException: unknown_path, Exception: bug})

        http = await stack.enter_async_context(open_http(app, settings.public_url))
        authority = Authority(
            ExchangeClient(http, receiver),
            store,
            clock,
            keys,
            schemas,
            behaviour,
            delivery,
            Pace(settings.authority_delay, settings.poll),
            delivery_issuer=settings.submission_api,
        )

        async def notify() -> None:
            if await store.run(lambda db: delivery.pass_time(db, clock.now())):
                authority.wake()

        submission_api = exchange_api.SubmissionApi(store, clock, access, delivery, keys, notify)
        client = Registration(
            settings.landeskonto_client_id,
            settings.landeskonto_client_secret,
            settings.redirect_uris,
            settings.logout_uris,
        )
        provider = landeskonto_api.Landeskonto(store, clock, keys.landeskonto, settings.issuer, client)
        levers = admin_api.Admin(store, clock, gate, faults, behaviour, authority.wake)
        app.router.routes += [
            *oauth_api.routes(gate, access),
            *exchange_api.routes(gate, submission_api),
            *routing_api.routes(gate, routing_api.RoutingApi(store, clock, keys, settings.public_url)),
            *landeskonto_api.routes(gate, provider),
            *admin_api.routes(levers),
            *_pages(store, settings),
        ]
        for work in (authority.run(), _every(settings.poll, notify)):
            await stack.enter_async_context(_running(work))
        _log.info("sandbox ready", extra={"fields": {"schemas": schemas.known}})
        yield app


def _pages(store: Store, settings: Settings) -> list[Route]:
    async def start(request: Request) -> Response:
        destinations, submissions = await store.run(
            lambda db: (exchange_store.destinations(db), exchange_store.newest(db, 20))
        )
        return page(
            "start",
            {"public_url": settings.public_url},
            fragments={
                "destinations": _rows([(one.name, one.status, ", ".join(one.regions)) for one in destinations]),
                "submissions": _rows(
                    [(f"{one.created_at:%d.%m.%Y %H:%M:%S}", one.id, one.state) for one in submissions]
                ),
            },
        )

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(request: Request) -> Response:
        await store.run(lambda db: db.execute("SELECT 1").fetchone())
        return JSONResponse({"status": "ok", "checks": {"store": "ok"}})

    return [Route("/", start), Route("/health", health), Route("/ready", ready)]


def _rows(rows: list[tuple[str, ...]]) -> str:
    return "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception:
            # Deadlines must go on being watched.
            _log.exception("deadlines not worked off")
        await asyncio.sleep(seconds)


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
