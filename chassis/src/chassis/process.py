"""One process of one service: what it opens, in which order, and how it stops.

Roles: ``api`` answers HTTP, ``consumers`` read topics, ``relay`` publishes what was written, ``timers`` do what has
become due. One process plays all on a small machine; every role may run in several processes at once.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import uvicorn
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import logs, tracing
from chassis.admission import Admission
from chassis.aggregates import Aggregates
from chassis.auth import TokenKeys
from chassis.broker import Bus, listen
from chassis.builds import Builds
from chassis.clock import Clock, SystemClock
from chassis.documents import Database
from chassis.health import Check, clock_check, health_router, task_check
from chassis.http import create_app
from chassis.ids import uuid7
from chassis.municipalities import Municipalities
from chassis.problems import Kind
from chassis.rebuild import ReadModel
from chassis.relay import Relay
from chassis.settings import ServiceSettings, load
from chassis.starting import not_open, patiently, tell_why_not_open, until_open
from chassis.timers import Timer
from contracts import Event, Tombstone
from contracts.identity import TokenKeyPublished
from contracts.topics import TOPICS

if TYPE_CHECKING:
    from chassis.blobs import Blobs
    from chassis.vault import Vault

_log = logging.getLogger(__name__)
S = TypeVar("S", bound=ServiceSettings)
T = TypeVar("T")

_MEASURE_CLOCK: Final = 3.0
_LAST_SPANS: Final = 3.0
_START_FAILED: Final = 3
_SWITCH: Final = 0.0005
"""Seconds until a thread lets another run, a tenth of Python's: the driver's threads make the loop wait so long."""


class Listening(Protocol):
    """What handlers are registered with: ``Bus``, or ``chassis.testing.MemoryBus``."""

    service: str

    def add(
        self, topic_name: str, handlers: Mapping[type[Event] | type[Tombstone], Callable[[Any, Any], Awaitable[None]]]
    ) -> Any:
        """Read a topic."""


@dataclass
class Context(Generic[S]):
    """What a service's ``wire`` builds on. Everything in it is open already, or opens on first use."""

    service: str
    settings: S
    database: Database
    clock: Clock
    bus: Listening
    municipalities: Municipalities
    token_keys: TokenKeys
    stack: AsyncExitStack
    """Closed after relay, timers and consumers have stopped, before the database."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is asked to stop: streams to browsers end by it."""
    kick: Callable[[], None] = lambda: None
    """Wakes relay and timers: something was written."""

    @cached_property
    def vault(self) -> "Vault":
        """Seals secrets at rest. Raises ValueError where no key is set."""
        from chassis.vault import Vault

        if self.settings.vault_key is None:
            raise ValueError("RATHAUS_VAULT_KEY is not set")
        return Vault(self.settings.vault_key)

    @cached_property
    def blobs(self) -> "Blobs":
        """The store of encrypted files. Raises ValueError where no place is set."""
        from chassis.blobs import Blobs

        if self.settings.blobs_url is None:
            raise ValueError("RATHAUS_BLOBS_URL is not set")
        return Blobs.open(self.settings.blobs_url)


@dataclass
class Parts:
    """What a service is made of."""

    routers: Sequence[APIRouter] = ()
    provides: Sequence[object] = ()
    """Objects that routes ask for by class (``chassis.http.provided``)."""
    problems: Mapping[type[Exception], Kind] = field(default_factory=dict)
    aggregates: Sequence[Aggregates[Any, Any]] = ()
    """Whose events the relay publishes."""
    read_models: Sequence[ReadModel] = ()
    """What ``--rebuild`` can make anew out of the log."""
    timers: Sequence[Timer[Any]] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    """Readiness, beyond what the chassis checks itself."""


Wire = Callable[[Context[S]], Awaitable[Parts]]


def run(name: str, settings_class: type[S], wire: Wire[S], arguments: list[str] | None = None) -> None:
    """Run a service until SIGTERM or SIGINT; never returns normally (exit code 0 after a stop, 2 or 3 at start)."""
    # uvicorn raises the signal again after its stop; without this the exit code would tell of a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    options = _options(name, arguments)
    model = options.pop("rebuild", None)
    try:
        settings = load(settings_class, **options)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        sys.stderr.write(f"{name}: settings are wrong: {wrong}\n")
        sys.exit(2)
    logs.configure(name, settings.log_level)
    tracing.setup(name)
    sys.setswitchinterval(_SWITCH)
    service = Service(name, settings, wire)
    if model is not None:
        from chassis.rebuilding import rebuild  # the command that needs it is rare

        sys.exit(rebuild(service, settings, wire, model))
    config = uvicorn.Config(
        service,
        host=settings.http_host,
        port=settings.http_port,
        lifespan="on",
        loop="asyncio",  # measured: uvloop gains nothing here
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.graceful_timeout),
    )
    server = _Server(config, service.stopping)
    service.give_up = server.give_up
    code: Any = 0
    try:
        server.run()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        pass
    if not service.opened:
        sys.stdout.flush()
        os._exit(_START_FAILED)  # not by sys.exit: a thread of the driver may wait for an index for hours
    sys.exit(code)


def _options(name: str, arguments: list[str] | None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog=f"python -m {name.replace('-', '_')}", description=__doc__)
    parser.add_argument("--roles", help="comma-separated: api, consumers, relay, timers; default: all")
    parser.add_argument("--rebuild", help="make this read model anew out of the log, and end")
    parser.add_argument("--host", dest="http_host", help="address to listen on")
    parser.add_argument("--port", dest="http_port", type=int, help="port to listen on")
    return {key: value for key, value in vars(parser.parse_args(arguments)).items() if value is not None}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    def give_up(self) -> None:
        self.should_exit = True

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        # Before the connections are closed: an open event stream would hold the stop until its time is over.
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_soon_threadsafe(self._stopping.set)


class Service:
    """The ASGI app of one process; its lifespan opens and closes everything."""

    def __init__(self, name: str, settings: ServiceSettings, wire: Wire[Any]) -> None:
        self.name = name
        self.stopping = asyncio.Event()
        self._settings = settings
        self._wire = wire
        self._app: ASGIApp | None = None
        self._kicks: list[Callable[[], None]] = []
        self._checks: dict[str, Check] = {}
        self._builds = Builds()
        self.opened = False
        self.give_up: Callable[[], None] = lambda: None
        """Ends a server that answers already."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        stack, answers = AsyncExitStack(), False

        async def answer() -> None:
            nonlocal answers
            if not answers:
                await send({"type": "lifespan.startup.complete"})
            answers = True

        async def answer_early() -> None:
            self._app = not_open(self.name, self._builds)
            await answer()

        try:
            await until_open(asyncio.create_task(self._open(stack)), self.stopping, self._builds, answer_early)
        except BaseException as error:
            tell_why_not_open(error, self.stopping)
            await stack.aclose()
            if answers:
                self.give_up()
            else:
                await send({"type": "lifespan.startup.failed"})
            return
        self.opened = True
        _log.info("started", extra={"fields": {"roles": sorted(self._settings.roles)}})
        # What is there now stays: a full collection that looks through all of it halts everything for 30 ms.
        gc.collect()
        gc.freeze()
        await answer()
        await receive()
        self.stopping.set()
        try:
            await stack.aclose()
        except Exception as error:
            _log.exception("stop failed")
            await send({"type": "lifespan.shutdown.failed", "message": type(error).__name__})
            return
        _log.info("stopped")
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self, stack: AsyncExitStack) -> None:
        """Open in order: what comes later stops first."""
        settings, roles = self._settings, self._settings.roles
        stack.push_async_callback(_send_last_spans)
        clock = SystemClock(settings.clock_offset_file)
        url, database_name, patience = settings.database_url, settings.database_name, settings.start_timeout
        database = await patiently("database", lambda: Database.connect(url, database_name, self._builds), patience)
        stack.push_async_callback(database.close)
        await patiently("clock of the database", lambda: clock.begin(database.now), patience)
        self._background(stack, "clock", _follow(clock, database))
        bus = Bus(settings, self.name, database, clock)
        context = self.context(stack, database, clock, bus)
        parts = await self._wire(context)
        bus.watch([aggregates.documents for aggregates in parts.aggregates])
        self._check("database", _ping(database))
        self._check("clock", clock_check(clock))
        self._check("token-key", context.token_keys.check)
        await patiently("Kafka", lambda: _reach(bus), patience)
        stack.push_async_callback(bus.stop)
        await bus.start(consumers="consumers" in roles)
        self._check("kafka", bus.check)
        if "relay" in roles:
            self._start_relay(stack, database, bus, clock, parts)
        if "timers" in roles:
            self._start_timers(stack, parts)
        for name, check in parts.checks.items():
            self._check(name, check)
        self._app = self._make_app(parts, context)

    def context(self, stack: AsyncExitStack, database: Database, clock: Clock, bus: Bus) -> Context[Any]:
        """Return what the service's ``wire`` builds on."""
        keys = TokenKeys(database.collection("token_keys"), clock)
        if self.name in TOPICS["identity.keys"].consumers:
            listen(bus, "identity.keys", {TokenKeyPublished: keys.keep_token_key, Tombstone: keys.drop_token_key})
        return Context(
            service=self.name,
            settings=self._settings,
            database=database,
            clock=clock,
            bus=bus,
            municipalities=Municipalities(self._settings.municipalities),
            token_keys=keys,
            stack=stack,
            stopping=self.stopping,
            kick=self._kick,
        )

    def _make_app(self, parts: Parts, context: Context[Any]) -> ASGIApp:
        health = health_router(self.name, self._checks)
        if "api" not in self._settings.roles:
            return create_app(self.name, [health], {}, clock=context.clock)
        provides = [*parts.provides, context.municipalities, context.token_keys, context]
        app = create_app(self.name, [*parts.routers, health], parts.problems, provides=provides, clock=context.clock)
        return Admission(app, lambda ars: context.municipalities.get(ars) is not None)

    def _start_relay(self, stack: AsyncExitStack, database: Database, bus: Bus, clock: Clock, parts: Parts) -> None:
        if not parts.aggregates:
            return
        collections = [aggregates.documents for aggregates in parts.aggregates]
        relay = Relay(database, collections, bus.open_publisher, me=f"{self.name}-{uuid7()}", clock=clock)
        self._check("relay", relay.check)
        self._kicks.append(relay.kick)
        self._background(stack, "relay", relay.run())

    def _start_timers(self, stack: AsyncExitStack, parts: Parts) -> None:
        # They end one after the other, in half of the time to stop; the other half is for what stops after them.
        last_firing = self._settings.graceful_timeout / 2 / max(1, len(parts.timers))
        for number, timer in enumerate(parts.timers, 1):
            self._check(f"timer-{number}", timer.check)
            self._kicks.append(timer.kick)
            self._background(stack, f"timer-{number}", timer.run(last_firing))

    def _kick(self) -> None:
        for kick in self._kicks:
            kick()

    def _check(self, name: str, check: Check) -> None:
        self._checks[name] = check

    def _background(self, stack: AsyncExitStack, name: str, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        task.add_done_callback(_tell_if_broken)
        self._check(f"{name}-task", task_check(task))
        stack.push_async_callback(_cancel, task)


def _tell_if_broken(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("background work broke", exc_info=task.exception(), extra={"fields": {"task": task.get_name()}})


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


def _ping(database: Database) -> Check:
    async def check() -> str | None:
        await database.ping()
        return None

    return check


async def _follow(clock: SystemClock, database: Database) -> None:
    while True:
        await asyncio.sleep(_MEASURE_CLOCK)
        with contextlib.suppress(Exception):
            await clock.measure(database.now)


async def _reach(bus: Bus) -> None:
    """Sign in to Kafka once, so that what comes after needs no patience of its own."""
    publisher = await bus.open_publisher()
    await publisher.close()


async def _send_last_spans() -> None:
    """Give the exporter a moment; a trace store that is away must not hold the stop, nor the interpreter's end."""
    loop, sent = asyncio.get_running_loop(), asyncio.Event()

    def send() -> None:
        tracing.shutdown()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(sent.set)

    threading.Thread(target=send, name="last-spans", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sent.wait(), _LAST_SPANS)
