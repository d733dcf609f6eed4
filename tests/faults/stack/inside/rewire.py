"""Leads a process's connections to some ports of this machine onto wires, whatever client makes them.

Kafka tells its clients its own address, and a service's other addresses come from its settings: so the way is changed
where every client goes along, ``socket.connect``. ``REWIRE`` names the ports: ``9092>40001,27017>40002``.
"""

import os
import socket
from collections.abc import Mapping
from typing import Any


def through(ways: Mapping[int, int]) -> type[socket.socket]:
    """Return a socket class whose connections to these ports of 127.0.0.1 go to others."""

    def way(address: Any) -> Any:
        if isinstance(address, tuple) and len(address) == 2 and address[0] == "127.0.0.1":
            return (address[0], ways.get(address[1], address[1]))
        return address

    class Socket(socket.socket):
        def connect(self, address: Any) -> None:
            super().connect(way(address))

        def connect_ex(self, address: Any) -> int:
            return super().connect_ex(way(address))

    return Socket


def install() -> None:
    """Do it for this whole process, if ``REWIRE`` is set."""
    pairs = (pair.split(">") for pair in os.environ.get("REWIRE", "").split(",") if pair)
    ways = {int(port): int(other) for port, other in pairs}
    if ways:
        socket.socket = through(ways)  # type: ignore[misc]


install()
