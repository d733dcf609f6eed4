"""The embedded stack: all processes of a town hall on one machine.

``rathaus up`` and the tests start it by the same code::

    with Stack(home, Ports.free(), parts=("database", "kafka")) as stack:     # or: async with
        stack.kafka_servers, stack.kafka_password("forms"), stack.database_url("forms")
        stack.kill("kafka", signal.SIGKILL)     # comes back by itself
        stack.wait_ready("kafka")

Tests take the fixtures ``infrastructure`` and ``town_hall`` of ``rathaus.stack.testing``. All methods block; in an
asynchronous test use ``await asyncio.to_thread(stack.restart, "kafka")``.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from contracts.topics import SERVICES
from rathaus.stack import (
    database,
    gateway,
    kafka,
    kafka_contents,
    mailbox,
    portal,
    sandbox,
    services,
    tracepage,
)
from rathaus.stack.part import Part, Place
from rathaus.stack.ports import HOST, Ports, claim
from rathaus.stack.secrets import Secrets
from rathaus.stack.supervisor import Child, NotReady

READY_SECONDS = 90.0
STOP_SECONDS = 9.5
"""All children together get this long to end; what is left then is killed."""

REPOSITORY = Path(__file__).parents[4]
CACHE = Path(os.environ.get("RATHAUS_CACHE", REPOSITORY / ".rathaus" / "cache"))

Report = Callable[[str, str, float], None]
"""Called with a part's name, what happened to it (``startet``, ``bereit``) and the seconds since its start."""


class RunsAlready(Exception):
    """Another process runs a stack on the same data."""

    def __init__(self, home: Path, pid: str) -> None:
        super().__init__(f"Das Rathaus läuft schon (Prozess {pid}, Daten in {home}). „make down“ hält es an.")


def _silent(name: str, event: str, seconds: float) -> None:
    pass


class Stack:
    """Processes of one town hall. Open it once, as a context manager."""

    def __init__(
        self,
        home: Path,
        ports: Ports,
        *,
        parts: Sequence[str] | None = None,
        cache: Path = CACHE,
        services_also: Mapping[str, str] | None = None,
        instead: Callable[[Place], Sequence[Part]] = lambda _: (),
        strict: bool = True,
        report: Report = _silent,
    ) -> None:
        home = home.resolve()
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.home = home
        self.ports = ports
        self.place = Place(home, cache, REPOSITORY, ports, Secrets(home / "secrets.json"), services_also or {})
        self._report = report
        self._strict = strict
        known = {**_parts(self.place), **{part.name: part for part in instead(self.place)}}
        self._parts: dict[str, Part] = {name: known[name] for name in (known if parts is None else parts)}
        self._children: dict[str, Child] = {}
        self._lock: IO[str] | None = None
        self._over = threading.Event()
        self._starting = threading.Lock()

    # Addresses

    @property
    def kafka_servers(self) -> str:
        """Bootstrap address of Kafka; sign in by SCRAM-SHA-512 over SASL_PLAINTEXT."""
        return kafka_contents.servers(self.place)

    def kafka_password(self, principal: str = kafka_contents.ADMIN) -> str:
        """Password of a service's principal, or of ``admin``, who may do everything."""
        return kafka_contents.password(self.place, principal)

    def database_url(self, service: str | None = None) -> str:
        """Address of a service's own database, or of all databases for the operator."""
        return database.admin_url(self.place) if service is None else database.url(self.place, service)

    @property
    def public_url(self) -> str:
        """Origin of portal and API for browsers: secure cookies and passkeys work on ``localhost`` only."""
        return services.public_url(self.place)

    @property
    def api(self) -> str:
        """The same gateway for scripts, without a name to look up."""
        return f"http://{HOST}:{self.ports.gateway}"

    @property
    def mailbox(self) -> str:
        """Page of all mails; ``/api/messages?to=…`` as JSON, newest first."""
        return f"http://{HOST}:{self.ports.mailbox}"

    @property
    def traces(self) -> str:
        """Trace page (Zipkin): ``/zipkin/traces/<trace id>``, as JSON ``/api/v2/trace/<trace id>``."""
        return f"http://{HOST}:{self.ports.traces}"

    @property
    def sandbox(self) -> str:
        """The state's side."""
        return services.sandbox_url(self.place)

    def address(self, name: str) -> str:
        """Address of a part's own listener, e.g. of ``forms`` behind the gateway."""
        return f"http://{HOST}:{self.ports.of(name)}"

    def service_environment(self, service: str) -> dict[str, str]:
        """What a service's process is told; for a test that starts a second one."""
        return services.environment(self.place, service)

    def move_clock(self, seconds: float) -> None:
        """Set the services' clocks ahead by so many seconds in all; they read it within a second."""
        (self.home / "clock-offset").write_text(str(seconds))

    # Life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def start(self) -> None:
        """Start all parts, each as soon as what it needs is ready; return when all are.

        Raises RunsAlready, PortTaken or NotReady; nothing runs then.
        """
        self._take_lock()
        try:
            claim(self.ports, _listeners(self._parts))
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all parts, the last ones first, within STOP_SECONDS."""
        self._stop_children()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _stop_children(self) -> None:
        with self._starting:
            self._over.set()
        until = time.monotonic() + STOP_SECONDS
        for level in reversed(_levels(self._parts)):
            children = [child for name, child in self._children.items() if name.partition("+")[0] in level]
            with ThreadPoolExecutor(max(1, len(children))) as pool:
                list(pool.map(lambda child: child.stop(until - time.monotonic()), children))

    # Children

    @property
    def names(self) -> Sequence[str]:
        """Names of all parts."""
        return tuple(self._parts)

    def pid(self, name: str) -> int | None:
        """Process id of a part, None while it does not run."""
        return self._children[name].pid

    def starts(self, name: str) -> int:
        """How often a part was started."""
        return self._children[name].starts

    def memory(self, name: str) -> int:
        """Resident memory of a part in bytes."""
        return self._children[name].memory

    def is_ready(self, name: str) -> bool:
        """Whether a part does its work now."""
        return name in self._children and self._children[name].is_ready

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a part. It is started again if it dies of it; ``wait_restarted`` waits for that."""
        self._children[name].kill(number)

    def pause(self, name: str) -> None:
        """Stop a part where it stands (SIGSTOP), until ``resume``."""
        self.kill(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a part go on that was stopped (SIGCONT)."""
        self.kill(name, signal.SIGCONT)

    def start_another(self, service: str, roles: str) -> str:
        """Start one more process of a service for some roles (commas), wait until it is ready, return its name.

        It is reached, killed and read like a part; ``stop_another`` ends it.
        """
        port = Ports.free().gateway
        number = sum(name.partition("+")[0] == service for name in self._children)
        name = f"{service}+{number}"
        command = [*self._parts[service].command(), "--roles", roles, "--port", str(port)]
        child = Child(
            name,
            command,
            self._parts[service].environment,
            self.log_file(name),
            lambda: services.answers(f"http://{HOST}:{port}/ready"),
            self._parts[service].stop_seconds,
        )
        self._children[name] = child
        child.start()
        child.wait_ready(READY_SECONDS)
        return name

    def stop_another(self, name: str) -> None:
        """End a process of ``start_another`` in order."""
        self._children[name].stop()

    def wait_restarted(self, name: str, before: int | None, seconds: float = READY_SECONDS) -> float:
        """Wait until another process than ``before`` does a part's work; return the seconds. Raises NotReady."""
        began = time.monotonic()
        while self.pid(name) in (None, before) and time.monotonic() - began < seconds:
            time.sleep(0.02)
        return time.monotonic() - began + self.wait_ready(name, seconds)

    def restart(self, name: str, seconds: float = READY_SECONDS) -> None:
        """End a part in order, start it again and wait until it is ready."""
        self._children[name].restart()
        self.wait_ready(name, seconds)

    def wait_ready(self, name: str, seconds: float = READY_SECONDS) -> float:
        """Wait until a part does its work; return the seconds that took. Raises NotReady."""
        return self._children[name].wait_ready(seconds)

    def logs(self, name: str) -> str:
        """Return what a part has printed, all starts together."""
        return self.log_file(name).read_text(errors="replace")

    def log_file(self, name: str) -> Path:
        """File that a part prints into."""
        return self.place.folder("logs") / f"{name}.log"

    def _take_lock(self) -> None:
        lock = (self.home / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            pid = lock.read().strip()
            lock.close()
            raise RunsAlready(self.home, pid) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _start_all(self) -> None:
        _copy_municipalities(self.place)
        with ThreadPoolExecutor(len(self._parts) or 1) as pool:
            started: dict[str, Future[None]] = {}
            for name in (name for level in _levels(self._parts) for name in level):
                before = [started[other] for other in self._parts[name].after if other in started]
                started[name] = pool.submit(self._bring_up, self._parts[name], before)
            for future in as_completed(started.values()):
                error = future.exception()
                if error is not None and (self._strict or not isinstance(error, NotReady)):
                    self._stop_children()  # nobody waits for parts that lack this one
                    raise error

    def _bring_up(self, part: Part, before: Sequence[Future[None]]) -> None:
        # A part whose predecessor failed starts all the same: it shows what it lacks and comes up once that is there.
        wait(before)
        began = time.monotonic()
        command = part.command()
        log = self.log_file(part.name)
        child = part.child(part.name, command, part.environment, log, part.ready, part.stop_seconds)
        child.broken = part.broken
        with self._starting:
            if self._over.is_set():
                return
            self._children[part.name] = child
            child.start()
        self._report(part.name, "startet", time.monotonic() - began)
        try:
            child.wait_ready(READY_SECONDS)
            part.settle()
        except NotReady:
            self._report(part.name, "nicht bereit", time.monotonic() - began)
            raise
        self._report(part.name, "bereit", time.monotonic() - began)


def _parts(place: Place) -> Mapping[str, Part]:
    parts = [
        database.part(place, SERVICES),
        kafka.part(place, SERVICES),
        mailbox.part(place),
        tracepage.part(place),
        portal.part(place),
        sandbox.part(place),
        *(services.part(place, service) for service in SERVICES),
        gateway.part(place, behind=("portal", *SERVICES)),
    ]
    return {part.name: part for part in parts}


def _copy_municipalities(place: Place) -> None:
    # Copied, because a running town hall gets new ones by `rathaus municipality add`, not by a checkout.
    folder = place.folder("municipalities")
    for file in (place.repository / "municipalities").glob("*.yaml"):
        aside = folder / f"{file.name}.new"
        shutil.copyfile(file, aside)
        aside.replace(folder / file.name)


def _levels(parts: Mapping[str, Part]) -> list[list[str]]:
    """Sort parts into levels: each needs only parts of levels before."""
    levels: list[list[str]] = []
    left = dict(parts)
    while left:
        level = [name for name, part in left.items() if not any(other in left for other in part.after)]
        levels.append(level)
        left = {name: part for name, part in left.items() if name not in level}
    return levels


def _listeners(parts: Mapping[str, Part]) -> list[str]:
    more = {"kafka": ["kafka-controller"], "mailbox": ["smtp"], "gateway": ["gateway-admin"]}
    return [listener for name in parts for listener in [name, *more.get(name, [])]]
