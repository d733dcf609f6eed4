"""The ports of one stack, all on 127.0.0.1."""

import fcntl
import os
import random
import socket
import tempfile
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

HOST = "127.0.0.1"

_FREE = range(15000, 32000)
"""Below the range that systems use for outgoing connections, so that a restarted child finds its port free."""
_WAIT_SECONDS = 3.0
"""How long a port may stay taken by what a killed supervisor left dying."""


class PortTaken(Exception):
    """Another program listens where this stack wants to."""

    def __init__(self, name: str, port: int) -> None:
        elsewhere = (port // 1000 + 1) * 1000
        super().__init__(
            f"Port {port} ({name}) ist von einem anderen Programm belegt. Mit RATHAUS_PORT={elsewhere} make up "
            f"weicht das Rathaus auf die Ports ab {elsewhere} aus."
        )


class NoneFree(Exception):
    """All ports of the range are taken or promised to other stacks."""


@dataclass(frozen=True)
class Ports:
    """One number for each listener."""

    gateway: int
    mailbox: int
    traces: int
    sandbox: int
    kafka: int
    kafka_controller: int
    database: int
    smtp: int
    gateway_admin: int
    portal: int
    identity: int
    forms: int
    appointments: int
    notify: int
    osi_gateway: int

    @classmethod
    def block(cls, first: int) -> "Ports":
        """Number the listeners from ``first`` on; the gateway gets ``first`` itself."""
        return cls(*range(first, first + len(fields(cls))))

    @classmethod
    def free(cls) -> "Ports":
        """Choose numbers that nobody listens on now, and that no other caller is given while this process lives.

        Raises NoneFree.
        """
        blocks = range(_FREE.start, _FREE.stop - len(fields(cls)) + 1, len(fields(cls)))
        for first in random.sample(blocks, len(blocks)):
            numbers = cls.block(first)
            if all(map(is_free, astuple(numbers))) and _keep(first):
                return numbers
        raise NoneFree(f"no {len(fields(cls))} free ports in a row between {_FREE.start} and {_FREE.stop}")

    def of(self, name: str) -> int:
        """Return the port of a part by its name, e.g. ``osi-gateway``."""
        return int(getattr(self, name.replace("-", "_")))


def _keep(first: int) -> bool:
    """Lock a block of ports for as long as this process lives: its stack listens only a while later."""
    folder = Path(tempfile.gettempdir()) / f"rathaus-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(first), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True  # the lock stays open: it goes with the process


def is_free(port: int) -> bool:
    """Tell whether this process could listen on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def is_listening(port: int) -> bool:
    """Tell whether somebody accepts connections on a port of 127.0.0.1."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def claim(ports: Ports, names: Iterable[str]) -> None:
    """Check that the named listeners can start. Raises PortTaken."""
    until = time.monotonic() + _WAIT_SECONDS
    for name in names:
        while not is_free(ports.of(name)):
            if time.monotonic() > until:
                raise PortTaken(name, ports.of(name))
            time.sleep(0.1)
