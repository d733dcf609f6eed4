"""Strikes at the points of ``points.json`` in a service's process, when a file asks for it.

A point is a function between two things that last: a process may die before it begins or after it has ended
(``tests/faults/README.md``).

The folder in ``FAULTS`` may hold ``<service>.json`` with an order: which point, before or after it, at which call, and
what happens: the process dies, is stopped, or the call fails. Whoever strikes notes it in ``<service>.struck`` first.
``<service>.skew`` holds seconds by which the clock of this service's machine is wrong.
"""

import inspect
import json
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

_FOLDER = os.environ.get("FAULTS")
_POINTS: dict[str, str] = json.loads(Path(__file__).with_name("points.json").read_text())
"""Name → ``module:attribute``."""
_SERVICE = os.environ.get("OTEL_SERVICE_NAME", "")
_INSIDE: ContextVar[tuple[str, ...]] = ContextVar("inside", default=())
"""The points whose functions are running around this moment, outermost first."""


class Planted(OSError):
    """A call that was told to fail."""


class Orders:
    """The one order that stands for this service, and how far it has come."""

    def __init__(self, folder: Path, service: str) -> None:
        self._file = folder / f"{service}.json"
        self._struck = folder / f"{service}.struck"
        self._stamp: int | None = None
        self._order: dict[str, Any] = {}
        self._calls = 0
        self._lock = threading.Lock()

    def pass_by(self, point: str, when: str) -> None:
        """Strike if it is time to."""
        with self._lock:
            order = self._present()
            if (point, when) != (order.get("point"), order.get("when")):
                return
            if order["inside"] and order["inside"] not in _INSIDE.get():
                return
            self._calls += 1
            if self._calls < order["call"] or not self._take(order):
                return
        _strike(order)

    def _present(self) -> dict[str, Any]:
        try:
            stamp = self._file.stat().st_mtime_ns
            if stamp != self._stamp:
                self._order, self._stamp, self._calls = json.loads(self._file.read_text()), stamp, 0
        except FileNotFoundError:
            self._order, self._stamp = {}, None
        return self._order

    def _take(self, order: dict[str, Any]) -> bool:
        """Note the strike and leave what remains of the order; of several processes one gets it."""
        taken = self._file.with_suffix(f".{os.getpid()}")
        try:
            self._file.rename(taken)
        except FileNotFoundError:
            return False
        taken.unlink()
        with self._struck.open("a") as struck:
            struck.write(f"{os.getpid()} {order['when']} {order['point']}\n")
        if order["times"] > 1:
            aside = self._file.with_suffix(".new")
            aside.write_text(json.dumps({**order, "times": order["times"] - 1}))
            aside.rename(self._file)
        return True


def _strike(order: dict[str, Any]) -> None:
    if order["act"] == "fail":
        raise Planted(f"planted {order['when']} {order['point']}")
    number = signal.SIGKILL if order["act"] == "kill" else signal.SIGSTOP
    if order["late"]:
        threading.Timer(order["late"], os.kill, (os.getpid(), number)).start()
    else:
        os.kill(os.getpid(), number)


def _around(orders: Orders, point: str) -> Callable[..., Any]:
    async def go_on(result: Awaitable[Any]) -> Any:
        token = _INSIDE.set((*_INSIDE.get(), point))
        try:
            value = await result
        finally:
            _INSIDE.reset(token)
        orders.pass_by(point, "after")
        return value

    def wrapper(wrapped: Callable[..., Any], instance: Any, arguments: Any, named: Any) -> Any:
        orders.pass_by(point, "before")
        result = wrapped(*arguments, **named)
        if inspect.isawaitable(result):
            return go_on(result)
        orders.pass_by(point, "after")
        return result

    return wrapper


def _skewed(file: Path) -> type[datetime]:
    """The machine's clock, wrong by what the file says."""

    class Skewed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            try:
                wrong = timedelta(seconds=float(file.read_text()))
            except FileNotFoundError:
                wrong = timedelta()
            return datetime.now(tz) + wrong

    return Skewed


def _open(folder: Path) -> None:
    import wrapt

    orders = Orders(folder, _SERVICE)
    wraps: dict[str, list[tuple[str, Callable[..., Any]]]] = {}
    for point, place in _POINTS.items():
        module, _, attribute = place.partition(":")
        wraps.setdefault(module, []).append((attribute, _around(orders, point)))

    def skew(loaded: Any) -> None:
        loaded.datetime = _skewed(folder / f"{_SERVICE}.skew")

    wrapt.register_post_import_hook(skew, "chassis.clock")
    for module, found in wraps.items():

        def open_module(loaded: Any, found: list[tuple[str, Callable[..., Any]]] = found) -> None:
            for attribute, wrapper in found:
                wrapt.wrap_function_wrapper(loaded, attribute, wrapper)

        wrapt.register_post_import_hook(open_module, module)


if _FOLDER and _SERVICE and "-m" in sys.orig_argv:
    _open(Path(_FOLDER))
