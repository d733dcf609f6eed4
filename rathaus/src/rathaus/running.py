"""``rathaus up`` and what belongs to it: start everything, show it, keep it running, stop it in order."""

import fcntl
import importlib
import importlib.util
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from rathaus import portalbuild
from rathaus.addresses import Addresses
from rathaus.stack import CACHE, REPOSITORY, Ports, PortTaken, RunsAlready, Stack
from rathaus.stack.java import NotFetched

HOME = Path(os.environ.get("RATHAUS_HOME", REPOSITORY / ".rathaus" / "home")).resolve()
FIRST_PORT = 8080
_STOP_SECONDS = 15.0

_console = Console(highlight=False, soft_wrap=True)


class Stopped(BaseException):
    """SIGINT, SIGTERM or SIGHUP: stop in order."""


def up() -> int:
    """Start the town hall, show its addresses, play the main job once and stay until a signal."""
    began = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    stack: Stack | None = None
    try:
        if (pid := owner(HOME)) is not None:
            raise RunsAlready(HOME, str(pid))
        if (REPOSITORY / "portal" / "package.json").exists() and portalbuild.build():
            _tell("Portal gebaut", began)
        seconds: dict[str, float] = {}

        def report(name: str, event: str, took: float) -> None:
            seconds[name] = took
            if event != "startet":
                _tell(f"{name} {event}", began)

        stack = Stack(HOME, _ports(), strict=False, report=report)
        with stack:
            _show(stack, seconds, time.monotonic() - began)
            addresses = Addresses.of(stack)
            addresses.write(stack.home)
            _play(addresses)
            _console.print("Das Rathaus läuft. Strg-C hält es an.")
            threading.Event().wait()
    except Stopped:
        pass
    except (RunsAlready, PortTaken, portalbuild.BuildFailed, NotFetched) as refused:
        _console.print(str(refused), style="red")
        return 1
    finally:
        if stack is not None and not isinstance(sys.exc_info()[1], RunsAlready):
            Addresses.forget(HOME)
    _console.print("Das Rathaus ist angehalten.")
    return 0


def demo(as_json: bool) -> int:
    """Play the main job in the running town hall."""
    addresses = Addresses.read(HOME)
    if addresses is None or owner(HOME) is None:
        _console.print("Es läuft kein Rathaus: zuerst „make up“.", style="red")
        return 1
    return _play(addresses, as_json)


def down() -> int:
    """Stop the running town hall and wait until it is gone."""
    pid = owner(HOME)
    if pid is None:
        _console.print("Es läuft kein Rathaus.")
        return 0
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    while owner(HOME) is not None:
        if time.monotonic() > until:
            _console.print(f"Prozess {pid} ist nach {_STOP_SECONDS:.0f} s noch da.", style="red")
            return 1
        time.sleep(0.1)
    _console.print("Das Rathaus ist angehalten.")
    return 0


def clean(cache: bool) -> int:
    """Delete the town hall's data, and on wish what was fetched and derived."""
    if owner(HOME) is not None:
        _console.print("Das Rathaus läuft noch: zuerst „make down“.", style="red")
        return 1
    for folder in (HOME, *([CACHE] if cache else [])):
        shutil.rmtree(folder, ignore_errors=True)
        _console.print(f"{folder} gelöscht.")
    return 0


def _ports() -> Ports:
    return Ports.block(int(os.environ.get("RATHAUS_PORT", FIRST_PORT)))


def _stop(number: int, frame: FrameType | None) -> None:
    # The second signal does not wait for anything; the children die with this process.
    signal.signal(number, lambda *_: os._exit(130))
    raise Stopped


def _tell(text: str, began: float) -> None:
    _console.print(f"{time.monotonic() - began:6.1f} s  {text}")


def _show(stack: Stack, took: Mapping[str, float], seconds: float) -> None:
    table = Table("Teil", "Adresse", "bereit", "nach", "Speicher", title="Digitales Rathaus", title_justify="left")
    people = {"gateway": stack.public_url, "traces": f"{stack.traces}/zipkin/", "kafka": stack.kafka_servers}
    for name in stack.names:
        ready = "[green]ja[/]" if stack.is_ready(name) else f"[red]nein[/], siehe {stack.log_file(name)}"
        memory = f"{stack.memory(name) / 1e6:.0f} MB"
        table.add_row(name, people.get(name, stack.address(name)), ready, f"{took.get(name, 0):.1f} s", memory)
    _console.print(table)
    total = sum(map(stack.memory, stack.names))
    _console.print(f"Portal: {stack.public_url}/   Postfach: {stack.mailbox}/   Spuren: {stack.traces}/zipkin/")
    _console.print(f"Gestartet in {seconds:.1f} s, alle Prozesse zusammen {total / 1e6:.0f} MB.")


def _play(addresses: Addresses, as_json: bool = False) -> int:
    if importlib.util.find_spec("rathaus.demo") is None:
        return 1
    return int(importlib.import_module("rathaus.demo").play(addresses, as_json=as_json))


def owner(home: Path) -> int | None:
    """Return the process that holds a data folder's lock, None where nobody does."""
    file = home / "lock"
    if not file.exists():
        return None
    with file.open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return int(lock.read() or 0) or None
    return None
